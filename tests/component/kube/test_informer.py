"""Lists and watches against an API server that misbehaves on purpose."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcpworkload.api import names
from mcpworkload.controller.children import CHILD_KINDS
from mcpworkload.controller.kinds import FAILED_CREATE, POD
from mcpworkload.kube import informer as informer_module
from mcpworkload.kube import watches
from mcpworkload.kube.client import Api
from mcpworkload.kube.connection import Connection
from mcpworkload.kube.informer import Informer
from mcpworkload.kube.kind import Kind
from tests.support.waits import until

KEY = "team/weather"
# What the server does in a watch instead of sending an event.
CUT, SILENCE = b"cut off", b"say nothing more"


async def _at_once() -> None:
    return


class Server:
    """An API server with one collection of Services: a script of watches, and a list."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.version = 10
        self.page_size = 100
        self.watches: list[list[bytes]] = []
        self.lists = 0
        self.selectors: list[str] = []
        #: The numbers of pages that fail, once each.
        self.broken_pages: list[int] = []
        #: What a watch waits for before it sends anything.
        self.before_watch: Callable[[], Awaitable[object]] = _at_once
        #: How many of the next watches are answered with 503.
        self.failing = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A page of the list, or the next watch of the script."""
        self.selectors += [v for k, v in request.query.items() if k.endswith("Selector")]
        if "watch" in request.query and self.failing:
            self.failing -= 1
            return web.Response(status=503, text="away")
        if "watch" in request.query:
            return await self._watch(request)
        self.lists += 1
        start = int(request.query.get("continue", 0))
        if start // self.page_size in self.broken_pages:
            self.broken_pages.remove(start // self.page_size)
            return web.json_response({"code": 500, "message": "broken"}, status=500)
        end = start + self.page_size
        metadata = {"resourceVersion": str(self.version)}
        if end < len(self.items):
            metadata["continue"] = str(end)
        return web.json_response({"metadata": metadata, "items": self.items[start:end]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await self.before_watch()
        for chunk in self.watches.pop(0) if self.watches else []:
            if chunk == CUT:
                # Not before the head of the response is on its way.
                await asyncio.sleep(0.01)
                assert request.transport is not None
                request.transport.abort()
                return response
            if chunk == SILENCE:
                await asyncio.sleep(3600)
            await response.write(chunk)
            await asyncio.sleep(0.005)
        if not self.watches:
            await asyncio.sleep(3600)
        return response


def service(name: str = "weather", version: int = 1, **labels: str) -> dict[str, Any]:
    """A Service as the API server lists it."""
    return {
        "metadata": {
            "name": name,
            "namespace": "team",
            "resourceVersion": str(version),
            "labels": {names.WORKLOAD_LABEL: "weather", **labels},
        },
        "spec": {"clusterIP": "None"},
    }


def line(kind: str, item: dict[str, Any]) -> bytes:
    """One event of a watch."""
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


@asynccontextmanager
async def running(
    server: Server, kind: Kind[Any] = CHILD_KINDS["Service"]
) -> AsyncIterator[tuple[Informer[Any], list[str]]]:
    """An informer at that server, and the keys that it reports."""
    application = web.Application()
    application.add_routes([web.get(kind.path(None), server.answer)])
    changed: list[str] = []
    async with TestServer(application) as host, aiohttp.ClientSession() as session:
        api = Api(Connection(str(host.make_url("")).rstrip("/"), session))
        informer = Informer(api, kind, None, changed.append)
        task = asyncio.create_task(informer.run())
        try:
            await informer.synced.wait()
            yield informer, changed
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_list_of_many_pages_is_complete() -> None:
    """Grouped by workload."""
    server = Server()
    server.items = [service(f"s{number}") for number in range(7)]
    server.page_size = 3

    async with running(server) as (informer, changed):
        assert len(informer.of(KEY)) == 7
        assert server.lists == 3
        assert set(changed) == {KEY}


async def test_a_watch_adds_changes_and_removes() -> None:
    """And the cache's version follows, bookmarks included."""
    server = Server()
    server.watches = [
        [
            line("ADDED", service(version=11)),
            line("MODIFIED", service(version=12, team="sky")),
            line("BOOKMARK", {"metadata": {"resourceVersion": "20"}}),
        ],
    ]
    async with running(server) as (informer, _):
        await until(lambda: informer.version == 20)
        assert informer.of(KEY)["weather"].metadata.labels["team"] == "sky"

    server.watches = [[line("ADDED", service()), line("DELETED", service(version=30))]]
    async with running(server) as (informer, _):
        await until(lambda: informer.version == 30)
        assert not informer.of(KEY)


@pytest.mark.parametrize("kind", [POD, *CHILD_KINDS.values()], ids=lambda kind: kind.plural)
async def test_a_bookmark_is_an_empty_object_with_a_version(kind: Kind[Any]) -> None:
    """What each object has is null in it, as the API server writes it once a minute."""
    server = Server()
    metadata = {"resourceVersion": "20", "creationTimestamp": None}
    empty = {"spec": {"containers": None, "template": None}, "rules": None, "roleRef": None}
    bookmark = {"kind": "Any", "metadata": metadata, "status": {"replicas": 0}, **empty}
    server.watches = [[line("BOOKMARK", bookmark)]]

    async with running(server, kind) as (informer, _):
        await until(lambda: informer.version == 20)
        assert server.lists == 1


async def test_an_object_that_changes_hands_is_reported_to_both() -> None:
    """The label that says whose it is may be edited."""
    server = Server()
    server.items = [service()]
    stranger = service(version=11)
    stranger["metadata"]["labels"][names.WORKLOAD_LABEL] = "other"
    server.watches = [[line("MODIFIED", stranger)]]

    async with running(server) as (informer, changed):
        await until(lambda: informer.version == 11)
        assert not informer.of(KEY)
        assert list(informer.of("team/other")) == ["weather"]
        assert changed[-2:] == [KEY, "team/other"]


async def test_an_object_without_its_content_stands_in_for_the_same_version_alone() -> None:
    """What was compared is given up, unless a newer one has come meanwhile."""
    server = Server()
    server.items = [service()]
    server.watches = [[line("MODIFIED", service(version=11))]]

    async with running(server) as (informer, _):
        await until(lambda: informer.version == 11)
        newest = informer.of(KEY)["weather"]
        old = msgspec.json.decode(json.dumps(service(version=1)), type=CHILD_KINDS["Service"].live)

        informer.swap(old.without_content())
        assert informer.of(KEY)["weather"].has_content

        informer.swap(newest.without_content())
        assert not informer.of(KEY)["weather"].has_content
        assert informer.get(KEY, "weather") == newest.without_content()
        assert informer.get(KEY, "other") is None
        assert informer.get("team/other", "weather") is None


async def test_a_namespace_counts_what_its_kind_asks_for() -> None:
    """The question whether any isolated pod is left has an answer without a look at all pods."""
    isolated, plain = service("weather-0"), service("weather-1")
    isolated["metadata"]["labels"][names.ISOLATED_LABEL] = "true"
    freed = service("weather-0", version=12)
    server = Server()
    server.items = [isolated, plain]
    hold = asyncio.Event()
    server.before_watch = hold.wait
    server.watches = [[line("MODIFIED", freed)]]

    async with running(server, POD) as (informer, _):
        assert informer.has_counted("team")
        assert not informer.has_counted("other")
        hold.set()
        await until(lambda: informer.version == 12)
        assert not informer.has_counted("team")

    isolated["metadata"]["resourceVersion"] = "5"
    server.watches = [[line("DELETED", isolated)]]
    async with running(server, POD) as (informer, _):
        await until(lambda: len(informer.of(KEY)) == 1)
        assert not informer.has_counted("team")


async def test_a_list_that_breaks_off_forgets_nothing() -> None:
    """Its pages are stored as they come; what the next list lacks is gone."""
    server = Server()
    server.items = [service(f"s{number}") for number in range(4)]
    server.page_size = 2
    status = {"code": 410, "message": "too old resource version"}
    server.watches = [[line("ERROR", status)], []]

    async with running(server) as (informer, _):
        server.items = [service("s1", version=20), service("s4"), service("s0")]
        server.broken_pages = [1]
        server.version = 50
        await until(lambda: server.broken_pages == [])
        assert set(informer.of(KEY)) == {"s0", "s1", "s2", "s3", "s4"}
        await until(lambda: informer.version == 50)
        assert set(informer.of(KEY)) == {"s0", "s1", "s4"}


async def test_an_expired_watch_lists_anew_and_notices_what_vanished() -> None:
    """410 in the stream: nobody sends the DELETED that was missed."""
    server = Server()
    server.items = [service("gone"), service("stays")]
    status = {"code": 410, "message": "too old resource version"}
    server.watches = [[line("ERROR", status)], []]

    async with running(server) as (informer, changed):
        server.items = [service("stays")]
        server.version = 50
        await until(lambda: informer.version == 50)
        assert list(informer.of(KEY)) == ["stays"]
        assert changed[-1] == KEY


async def test_a_broken_watch_goes_on_where_it_was() -> None:
    """Without a second list, and without a report of what did not change."""
    server = Server()
    server.items = [service()]
    server.watches = [[line("ADDED", service(version=11))], [line("ADDED", service(version=12))]]

    async with running(server) as (informer, _):
        await until(lambda: informer.version == 12)
        assert server.lists == 1


@pytest.mark.parametrize("end", [CUT, SILENCE], ids=["cut off", "silent"])
async def test_the_end_of_a_connection_is_no_warning(
    end: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the connection breaks or nothing comes any more: the next watch goes on."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(informer_module, "SILENCE_SECONDS", 0.2)
    server = Server()
    server.watches = [[line("ADDED", service(version=11)), end], [line("ADDED", service("b", 12))]]

    async with running(server) as (informer, _):
        await until(lambda: informer.version == 12)
        assert server.lists == 1

    assert {record.levelname for record in caplog.records} == {"INFO"}
    assert "trying again" in caplog.text


async def test_a_watch_that_cannot_begin_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """As is any other response that is none."""
    server = Server()
    server.failing = 1

    async with running(server) as (informer, _):
        server.watches = [[line("ADDED", service(version=12))]]
        await until(lambda: informer.version == 12)

    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_watch_that_has_lasted_is_soon_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some proxies cut off each connection that is quiet for a minute: no pause may grow of it."""
    monkeypatch.setattr(watches, "STEADY_SECONDS", 0.0)
    server = Server()
    server.watches = [[CUT] for _ in range(7)] + [[line("ADDED", service(version=12))]]

    async with running(server) as (informer, _), asyncio.timeout(10):
        await until(lambda: informer.version == 12)


async def test_a_long_line_in_pieces_is_one_event() -> None:
    """An object may be larger than any buffer."""
    server = Server()
    event = line("ADDED", service(version=11, big="x" * 700_000))
    server.watches = [[event[:100_000], event[100_000:400_000], event[400_000:]]]

    async with running(server) as (informer, _):
        await until(lambda: informer.version == 11)
        assert len(informer.of(KEY)["weather"].metadata.labels["big"]) == 700_000


async def test_nonsense_in_a_watch_does_not_end_it() -> None:
    """It is logged, and the watch starts again."""
    server = Server()
    server.watches = [[b"<html>\n"], [line("ADDED", service(version=12))]]

    async with running(server) as (informer, _):
        await until(lambda: informer.version == 12)


async def test_refused_pods_are_filed_under_the_workload_of_their_set() -> None:
    """Events carry no labels of ours."""
    server = Server()
    about = {"kind": "StatefulSet", "name": "weather", "uid": "sts"}
    metadata = {"name": "weather.1", "namespace": "team", "resourceVersion": "1"}
    server.items = [{"metadata": metadata, "involvedObject": about, "message": "exceeded quota"}]

    async with running(server, FAILED_CREATE) as (informer, changed):
        assert [event.message for event in informer.of(KEY).values()] == ["exceeded quota"]
        assert changed == [KEY]
        await until(lambda: len(server.selectors) == 2)

    assert set(server.selectors) == {"involvedObject.kind=StatefulSet,reason=FailedCreate"}
