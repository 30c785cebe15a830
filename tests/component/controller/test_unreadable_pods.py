"""An API server that does not let us look at pods: that is not to say that there are none."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcpworkload.api import names
from mcpworkload.controller.caches import Informers
from mcpworkload.controller.children import ATTACH_KINDS
from mcpworkload.kube import informer, watches
from mcpworkload.kube.client import Api
from mcpworkload.kube.connection import Connection
from tests.support.waits import until

KEY = "team/weather"
FORBIDDEN = 'pods is forbidden: User "operator" cannot list resource "pods"'


def item(name: str, kind: str, owner: str) -> dict[str, Any]:
    """An object of the workload."""
    reference = {"uid": owner, "kind": kind, "name": "weather", "controller": True}
    metadata = {
        "name": name,
        "namespace": "team",
        "uid": name,
        "resourceVersion": "1",
        "labels": {names.WORKLOAD_LABEL: "weather"},
        "ownerReferences": [reference],
    }
    return {"metadata": metadata}


class Server:
    """An API server with one StatefulSet and one pod, which it may refuse to show."""

    def __init__(self) -> None:
        #: What requests for pods are answered with; 200 is for the truth.
        self.status = 200
        #: Whether that goes for watches alone.
        self.is_listable = False
        self.items = {
            "statefulsets": [item("weather", "MCPWorkload", "mcpw")],
            "pods": [item("weather-0", "StatefulSet", "weather")],
        }
        #: Set to end the watches of pods.
        self.is_over = asyncio.Event()
        #: How often pods were asked for.
        self.asked = 0
        #: Collections that nobody may look at.
        self.forbidden: set[str] = set()
        #: Those that were asked for.
        self.plurals: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A list, or a watch that says nothing."""
        plural = request.path.rsplit("/", 1)[-1]
        is_watch = "watch" in request.query
        self.plurals.add(plural)
        if plural in self.forbidden:
            return web.json_response({"message": "forbidden"}, status=403)
        if plural == "pods":
            self.asked += 1
            if self.status != 200 and (is_watch or not self.is_listable):
                return web.json_response({"message": FORBIDDEN}, status=self.status)
        if is_watch:
            response = web.StreamResponse()
            await response.prepare(request)
            await (self.is_over if plural == "pods" else asyncio.Event()).wait()
            return response
        metadata = {"resourceVersion": "10"}
        return web.json_response({"metadata": metadata, "items": self.items.get(plural, [])})


@asynccontextmanager
async def running(
    server: Server, without: Sequence[names.ChildKind] = ()
) -> AsyncIterator[tuple[Informers, list[str]]]:
    """All informers at that server, synced, and the keys that they report."""
    application = web.Application()
    application.add_routes([web.get("/{path:.*}", server.answer)])
    changed: list[str] = []
    async with TestServer(application) as host, aiohttp.ClientSession() as session:
        api = Api(Connection(str(host.make_url("")).rstrip("/"), session))
        informers = Informers(
            api, (), changed.append, lambda _: None, time.monotonic, without=without
        )
        task = asyncio.create_task(informers.run())
        try:
            await informers.wait_synced()
            yield informers, changed
        finally:
            task.cancel()
            server.is_over.set()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second failure is long enough, and the third comes soon."""
    monkeypatch.setattr(informer, "UNREADABLE_SECONDS", 0.0)
    monkeypatch.setattr(watches, "BACKOFF_SECONDS", (0.01, 0.02))


async def test_forbidden_from_the_start() -> None:
    """The rest works, and the pods come once they may."""
    server = Server()
    server.status = 403

    async with running(server) as (informers, changed):
        assert informers.observe(KEY).unreadable == FORBIDDEN
        assert informers.observe(KEY).statefulset is not None
        server.status = 200
        changed.clear()
        await until(lambda: not informers.observe(KEY).unreadable)

        assert list(informers.observe(KEY).pods) == ["weather-0"]
        assert set(changed) == {KEY}


async def test_forbidden_later_on() -> None:
    """A watch lasts; the next one is refused. What was seen before is not shown as the present."""
    server = Server()

    async with running(server) as (informers, changed):
        assert list(informers.observe(KEY).pods) == ["weather-0"]
        changed.clear()
        server.status = 403
        server.is_over.set()
        await until(lambda: informers.observe(KEY).unreadable != "")

        assert informers.observe(KEY).pods == {}
        assert changed == [KEY]
        asked = server.asked
        await until(lambda: server.asked > asked + 4)
        assert changed == [KEY]


async def test_the_right_to_list_is_enough() -> None:
    """What lists show is the truth of a moment ago."""
    server = Server()
    server.status, server.is_listable = 403, True

    async with running(server) as (informers, changed):
        changed.clear()
        asked = server.asked
        server.items["pods"] = []
        await until(lambda: server.asked > asked + 8)

        assert (informers.observe(KEY).unreadable, informers.observe(KEY).pods) == ("", {})
        assert changed == [KEY]


async def test_a_hiccup_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights that are not in force yet, or a moment's overload."""
    monkeypatch.setattr(informer, "UNREADABLE_SECONDS", 3600.0)
    server = Server()

    async with running(server) as (informers, changed):
        changed.clear()
        server.status = 403
        server.is_over.set()
        asked = server.asked
        await until(lambda: server.asked > asked + 4)

        assert list(informers.observe(KEY).pods) == ["weather-0"]
        assert changed == []


@pytest.mark.parametrize("status", [401, 503])
async def test_an_outage_of_the_api_server_is_not_reported_as_unreadable_pods(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage of the API server, or of our token, only takes the operator's readiness."""
    monkeypatch.setattr(informer, "OUTAGE_SECONDS", 0.0)
    server = Server()

    async with running(server) as (informers, changed):
        changed.clear()
        server.status = status
        server.is_over.set()
        asked = server.asked
        await until(lambda: server.asked > asked + 4)

        assert list(informers.observe(KEY).pods) == ["weather-0"]
        assert changed == []


ACCOUNTS = {"serviceaccounts", "roles", "rolebindings"}


async def test_service_accounts_that_cannot_be_read_stop_no_workload() -> None:
    """Who installed the operator may not want it to grant anything; servers need not attach."""
    server = Server()
    server.forbidden = ACCOUNTS

    async with running(server) as (informers, _):
        assert list(informers.observe(KEY).pods) == ["weather-0"]


async def test_service_accounts_are_not_read_where_none_are_made() -> None:
    """Without the right to attach there is nothing to see."""
    server = Server()

    async with running(server, ATTACH_KINDS) as (informers, _):
        assert informers.observe(KEY).statefulset is not None

    assert server.plurals.isdisjoint(ACCOUNTS)
