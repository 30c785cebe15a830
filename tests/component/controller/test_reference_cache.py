"""Which requests it takes to know what pods read, against an API server with a script."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcpworkload.controller.reference_cache import SYNC_SECONDS, References
from mcpworkload.controller.references import Absence, Content, ObjectId
from mcpworkload.kube import metadata_watch
from mcpworkload.kube.client import Api
from mcpworkload.kube.connection import Connection
from mcpworkload.kube.errors import Unavailable
from tests.support.waits import until

KEY = "team/weather"
SECRET = ObjectId("Secret", "key")
CONFIG = ObjectId("ConfigMap", "settings")


class Server:
    """An API server with ConfigMaps and Secrets of one namespace, and rights on them."""

    def __init__(self) -> None:
        self.version = 10
        self.objects: dict[str, dict[str, Any]] = {}
        self.status = {"configmaps": 200, "secrets": 200}
        self.requests: Counter[str] = Counter()
        self.watches: dict[str, asyncio.Queue[bytes]] = {}
        self.accepted: set[str] = set()
        #: Called in the middle of a read.
        self.meanwhile: Any = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A list, a watch or an object."""
        plural, name = request.match_info["plural"], request.match_info.get("name", "")
        status = self.status[plural]
        what = "watch" if "watch" in request.query else "get" if name else "list"
        self.requests[f"{what} {plural}"] += 1
        if status != 200:
            return web.json_response({"message": "no"}, status=status)
        if what == "watch":
            return await self._watch(request, plural)
        if what == "list":
            self.accepted.add(request.headers["Accept"])
            return web.json_response({"metadata": {"resourceVersion": str(self.version)}})
        found = self.objects.get(f"{plural}/{name}")
        if self.meanwhile:
            self.meanwhile, call = None, self.meanwhile
            await call()
        if found is None:
            return web.json_response({"message": "not found"}, status=404)
        return web.json_response(found)

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        self.accepted.add(request.headers["Accept"])
        response = web.StreamResponse()
        await response.prepare(request)
        queue = self.watches[plural] = asyncio.Queue()
        while line := await queue.get():
            await response.write(line)
        return response

    async def put(self, plural: str, name: str, kind: str = "MODIFIED", **data: str) -> None:
        """Store an object, and tell who watches."""
        self.version += 1
        version = str(self.version)
        metadata = {"name": name, "namespace": "team", "uid": "u", "resourceVersion": version}
        self.objects[f"{plural}/{name}"] = {"metadata": metadata, "data": data}
        if kind == "DELETED":
            del self.objects[f"{plural}/{name}"]
        await until(lambda: plural in self.watches)
        self.say(plural, {"type": kind, "object": {"metadata": metadata}})

    def say(self, plural: str, event: dict[str, Any]) -> None:
        """Send an event of any kind."""
        self.watches[plural].put_nowait(json.dumps(event).encode() + b"\n")


@asynccontextmanager
async def running(
    server: Server, scope: str | None = None, sync_seconds: float = SYNC_SECONDS
) -> AsyncIterator[tuple[References, list[str]]]:
    """What follows the references at that server, and the keys that it reports."""
    application = web.Application()
    roots = ("/api/v1", "/api/v1/namespaces/{namespace}")
    for root in roots:
        application.add_routes(
            [
                web.get(root + "/{plural:configmaps|secrets}", server.answer),
                web.get(root + "/{plural:configmaps|secrets}/{name}", server.answer),
            ]
        )
    changed: list[str] = []
    async with TestServer(application) as host, aiohttp.ClientSession() as session:
        api = Api(Connection(str(host.make_url("")).rstrip("/"), session))
        references = References(
            api, [scope], changed.append, time.monotonic, sync_seconds=sync_seconds
        )
        task = asyncio.create_task(references.run())
        try:
            yield references, changed
        finally:
            for queue in server.watches.values():
                queue.put_nowait(b"")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """One that allows everything, and holds one Secret."""
    monkeypatch.setattr(metadata_watch, "FORBIDDEN_SECONDS", (0.02, 0.05))
    monkeypatch.setattr(metadata_watch, "FORBIDDEN_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(metadata_watch, "UNREADABLE_PAUSE_SECONDS", 0.02)
    server = Server()
    metadata = {"name": "key", "namespace": "team", "uid": "u", "resourceVersion": "5"}
    server.objects["secrets/key"] = {"metadata": metadata, "data": {"api": "MQ=="}}
    return server


@pytest.mark.parametrize("scope", [None, "team"])
async def test_an_object_is_read_once_for_all_who_refer_to_it(
    server: Server, scope: str | None
) -> None:
    """And values never come by list or watch."""
    async with running(server, scope) as (references, _):
        keys = [f"team/w{number}" for number in range(5)]
        found = await asyncio.gather(*(references.look_up(key, [SECRET]) for key in keys))
        await references.look_up(KEY, [SECRET])
        await until(lambda: len(server.watches) == 2)

    assert all(isinstance(each[SECRET], Content) for each in found)
    assert server.requests["get secrets"] == 1
    assert server.requests["get configmaps"] == 0
    assert all("PartialObjectMetadata" in accept for accept in server.accepted)


async def test_what_is_missing_is_not_asked_for_again_before_it_comes(server: Server) -> None:
    """Its arrival is reported to those who miss it, and to nobody else."""
    async with running(server) as (references, changed):
        for _ in range(3):
            assert await references.look_up(KEY, [CONFIG]) == {CONFIG: Absence.MISSING}
        await references.look_up("team/other", [SECRET])
        assert server.requests["get configmaps"] == 1
        changed.clear()

        await server.put("configmaps", "settings", "ADDED", city="Oslo")
        await until(lambda: bool(changed))

        assert set(changed) == {KEY}
        found = await references.look_up(KEY, [CONFIG])
        assert isinstance(found[CONFIG], Content)


async def test_a_name_that_no_object_can_have_is_not_asked_for(server: Server) -> None:
    """In a path it would lead elsewhere, with our rights in place of the author's."""
    names = ("../../other/secrets/key", "..", ".", "key?watch=true", "Key", "k" * 40_000)
    wanted = [ObjectId("Secret", name) for name in names]
    async with running(server) as (references, _):
        found = await references.look_up(KEY, wanted)

    assert found == dict.fromkeys(wanted, Absence.MISSING)
    assert server.requests["get secrets"] == 0


async def test_foreign_objects_cost_nothing(server: Server) -> None:
    """They are neither read nor remembered."""
    async with running(server) as (references, changed):
        await references.look_up(KEY, [SECRET])
        changed.clear()
        await server.put("secrets", "foreign", "ADDED", x="1")
        await server.put("secrets", "key", api="2")
        await until(lambda: bool(changed))

        assert changed == [KEY]
        assert list(references._entries["Secret"]) == ["team/key"]
        assert server.requests["get secrets"] == 1


async def test_a_change_during_the_read_is_not_lost(server: Server) -> None:
    """What was read before it is not kept: the pods would roll twice, or never."""

    async def change() -> None:
        await server.put("secrets", "key", api="2")
        await until(lambda: references._entries["Secret"]["team/key"].changes > 1)

    async with running(server) as (references, _):
        await references.look_up(KEY, [CONFIG])
        await until(lambda: "secrets" in server.watches)
        before = await references.look_up("team/other", [SECRET])
        server.meanwhile = change
        references._renew(references._entries["Secret"]["team/key"])
        after = await references.look_up("team/other", [SECRET])

    assert server.requests["get secrets"] == 3
    assert before != after


async def test_what_has_gone_is_missing(server: Server) -> None:
    """And the workload is told."""
    async with running(server) as (references, changed):
        await references.look_up(KEY, [SECRET])
        changed.clear()
        await server.put("secrets", "key", "DELETED")
        await until(lambda: bool(changed))

        assert await references.look_up(KEY, [SECRET]) == {SECRET: Absence.MISSING}


async def test_after_an_expired_watch_everything_is_read_again(server: Server) -> None:
    """Nobody sends the events that were missed."""
    async with running(server) as (references, changed):
        await references.look_up(KEY, [SECRET])
        await until(lambda: "secrets" in server.watches)
        changed.clear()
        server.say("secrets", {"type": "ERROR", "object": {"code": 410, "message": "too old"}})
        await until(lambda: bool(changed))
        await references.look_up(KEY, [SECRET])

    assert server.requests["list secrets"] == 2
    assert server.requests["get secrets"] == 2


async def test_without_rights_nothing_is_asked_but_whether_they_came(server: Server) -> None:
    """When they do, who refers to such objects is told."""
    server.status["secrets"] = 403
    async with running(server) as (references, changed):
        found = await references.look_up(KEY, [SECRET, CONFIG])
        assert found == {SECRET: Absence.UNREADABLE, CONFIG: Absence.MISSING}
        assert server.requests["get secrets"] == 0

        changed.clear()
        server.status["secrets"] = 200
        await until(lambda: bool(changed))

        found = await references.look_up(KEY, [SECRET])
        assert isinstance(found[SECRET], Content)


async def test_one_forbidden_answer_is_no_loss_of_rights(server: Server) -> None:
    """Rights of a fresh installation come late, and authorizers stumble."""
    server.status["secrets"] = 403
    async with running(server) as (references, _):
        await until(lambda: server.requests["list secrets"] == 1)
        server.status["secrets"] = 200

        found = await references.look_up(KEY, [SECRET])

    assert isinstance(found[SECRET], Content)


async def test_a_look_up_before_the_watch_runs_is_put_off(server: Server) -> None:
    """Neither refused nor rolled."""
    server.status["secrets"] = 500
    async with running(server, sync_seconds=0.01) as (references, _):
        with pytest.raises(Unavailable, match="Secrets cannot be watched yet"):
            await references.look_up(KEY, [SECRET])


async def test_a_workload_that_is_gone_leaves_no_trace(server: Server) -> None:
    """Unless another refers to the same object."""
    async with running(server) as (references, _):
        await references.look_up(KEY, [SECRET, CONFIG])
        await references.look_up("team/other", [SECRET])
        references.forget(KEY)
        assert list(references._entries["Secret"]) == ["team/key"]
        assert not references._entries["ConfigMap"]

        references.forget("team/other")
        assert references._entries == {"ConfigMap": {}, "Secret": {}}
        assert references._wanted == {}


async def test_rights_that_are_lost_are_noticed(server: Server) -> None:
    """Not by what is cached, which is of the past from then on."""
    async with running(server) as (references, changed):
        await references.look_up(KEY, [SECRET])
        await until(lambda: "secrets" in server.watches)
        changed.clear()
        server.status["secrets"] = 403
        server.watches["secrets"].put_nowait(b"")
        await until(lambda: bool(changed))

        assert await references.look_up(KEY, [SECRET]) == {SECRET: Absence.UNREADABLE}
        assert references.silent_seconds() < 5
