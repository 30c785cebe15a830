"""One port of this machine, whatever becomes of the pods behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from kubernetes.aio.client import Configuration

from mcpworkload.runtime import (
    KubernetesRuntime,
    RightsMissing,
    WorkloadForward,
    WorkloadInvalid,
    WorkloadNotFound,
    forwarding,
    portforward,
)
from mcpworkload.runtime.connection import RuntimeConnection

BODY: dict[str, Any] = {
    "metadata": {"name": "w", "namespace": "team", "uid": "u", "resourceVersion": "1"},
    "spec": {"image": "w:1", "transport": {"type": "streamable-http", "port": 9000}},
    "status": {"url": "http://w.team.svc:9000/api/mcp"},
}


def make_pod(uid: str, *, ready: bool = True, number: int = 0) -> dict[str, Any]:
    """A pod of the workload."""
    condition = {"type": "Ready", "status": str(ready)}
    return {
        "metadata": {"name": f"w-{number}", "uid": uid, "resourceVersion": "1"},
        "spec": {"containers": [{"name": "mcp"}]},
        "status": {"conditions": [condition]},
    }


@dataclass
class Pods:
    """An API server with one workload, whose pods say who they are and repeat what they hear."""

    body: dict[str, Any] = field(default_factory=lambda: BODY)
    pods: list[dict[str, Any]] = field(default_factory=list)
    #: How many of the next connections are answered so: a status, or the kubelet's words.
    troubles: list[int | str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    _events: dict[str, asyncio.Queue[dict[str, Any]]] = field(default_factory=dict)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, kind: str, change: str, item: dict[str, Any]) -> None:
        """A watch delivers that."""
        self._events[kind].put_nowait({"type": change, "object": item})

    def replace(self, *pods: dict[str, Any]) -> None:
        """These pods, and no others."""
        for pod in self.pods:
            self.show("pods", "DELETED", pod)
        self.pods = list(pods)
        for pod in pods:
            self.show("pods", "ADDED", pod)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A list, a watch, the workload, or a connection to a pod."""
        path = request.path
        if path.endswith("/portforward"):
            return await self._forward(request)
        if path.endswith("/mcpworkloads/w"):
            return web.json_response(self.body)
        kind = path.rpartition("/")[2]
        if "watch" in request.query:
            return await self._watch(request, kind)
        items = self.pods if kind == "pods" else [self.body]
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})

    async def _watch(self, request: web.Request, kind: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        queue = self._events.setdefault(kind, asyncio.Queue())
        ended = asyncio.create_task(self._over.wait())
        while not self._over.is_set():
            event = asyncio.create_task(queue.get())
            await asyncio.wait((event, ended), return_when=asyncio.FIRST_COMPLETED)
            if event.done():
                await response.write(json.dumps(event.result()).encode() + b"\n")
            event.cancel()
        return response

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if isinstance(trouble, int):
            return web.Response(status=trouble, text="no")
        name = request.path.split("/")[-2]
        uid = next(pod["metadata"]["uid"] for pod in self.pods if pod["metadata"]["name"] == name)
        self.opened.append(f"{uid}:{request.query['ports']}")
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        for channel in (0, 1):
            await socket.send_bytes(bytes((channel, 40, 35)))
        if trouble:
            await socket.receive()
            await socket.send_bytes(b"\x01" + trouble.encode())
            return socket
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(b"\x00" + uid.encode() + b" " + message.data[1:])
        return socket

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[KubernetesRuntime]:
        """A runtime that is connected to it."""
        for kind in ("pods", "mcpworkloads"):
            self._events[kind] = asyncio.Queue()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with RuntimeConnection(
            Configuration(host=f"http://{host}:{port}"), "team"
        ) as connection:
            try:
                yield KubernetesRuntime(connection)
            finally:
                self._over.set()
        await runner.cleanup()


async def ask(forward: WorkloadForward, words: bytes) -> bytes:
    """What comes back over a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.port)
    writer.write(words + b"\n")
    try:
        return await reader.readline()
    finally:
        writer.close()


async def test_the_port_outlives_the_pods() -> None:
    """A connection that comes while none is ready waits; the line of each change comes once."""
    api, said = Pods(pods=[make_pod("a")]), asyncio.Queue[str]()
    async with (
        api.serve() as runtime,
        runtime.forward_to_workload("w", callback=said.put_nowait) as forward,
    ):
        assert forward.url == f"http://127.0.0.1:{forward.port}/api/mcp"
        assert await ask(forward, b"one") == b"a one\n"
        assert await said.get() == "pod w-0 serves"

        api.replace(make_pod("b", ready=False))
        assert "no pod is ready" in await said.get()
        waiting = asyncio.create_task(ask(forward, b"two"))
        api.replace(make_pod("b"))
        assert await waiting == b"b two\n"
        assert await said.get() == "pod w-0 serves"
    assert api.opened == ["a:9000", "b:9000"]


async def test_a_connection_ends_with_its_pod_and_no_other_does() -> None:
    """A client that waits for ever for a pod that is gone would not come again."""
    api = Pods(pods=[make_pod("a")])
    async with api.serve() as runtime, runtime.forward_to_workload("w") as forward:
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.port)
        writer.write(b"x\n")
        assert await reader.readline() == b"a x\n"
        api.replace(make_pod("b"))
        assert await reader.read() == b""
        writer.close()
        assert await ask(forward, b"y") == b"b y\n"


async def test_it_stays_with_one_pod_as_long_as_that_is_ready() -> None:
    """Sessions live in a pod's memory."""
    pods = [make_pod("a", ready=False), make_pod("b", number=1)]
    api, said = Pods(pods=pods), asyncio.Queue[str]()
    async with (
        api.serve() as runtime,
        runtime.forward_to_workload("w", callback=said.put_nowait) as forward,
    ):
        assert await ask(forward, b"1") == b"b 1\n"
        api.show("pods", "MODIFIED", make_pod("a"))
        api.pods[0] = make_pod("a")
        assert await ask(forward, b"2") == b"b 2\n"
        api.show("pods", "MODIFIED", make_pod("b", number=1, ready=False))
        while await said.get() != "pod w-0 serves":
            pass
        assert await ask(forward, b"3") == b"a 3\n"


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(503, id="the API server is away"),
        pytest.param(404, id="the pod is gone, and the watch does not know"),
        pytest.param(500, id="the kubelet is away"),
        pytest.param("dial tcp4: connect: connection refused", id="the server starts again"),
    ],
)
async def test_a_connection_is_made_again_while_nothing_of_it_has_arrived(
    trouble: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients see a delay, and what they said is said again."""
    monkeypatch.setattr(forwarding, "_PAUSE_SECONDS", 0.01)
    api, said = Pods(pods=[make_pod("a")], troubles=[trouble, trouble]), list[str]()
    async with (
        api.serve() as runtime,
        runtime.forward_to_workload("w", callback=said.append) as forward,
    ):
        assert await ask(forward, b"hello") == b"a hello\n"
    assert len(said) == 2  # one for the pod, one for the trouble, which is told once


async def test_a_request_that_may_have_arrived_is_not_sent_twice() -> None:
    """A tool that is called twice may do it twice."""
    api = Pods(pods=[make_pod("a")], troubles=["read: connection reset by peer"])
    async with api.serve() as runtime, runtime.forward_to_workload("w") as forward:
        assert await ask(forward, b"once") == b""
    assert api.opened == ["a:9000"]


async def test_no_more_is_kept_than_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large request that was refused is not said again, and does not fill the memory."""
    monkeypatch.setattr(portforward, "_KEPT", 4)
    api = Pods(pods=[make_pod("a")], troubles=["connection refused"])
    async with api.serve() as runtime, runtime.forward_to_workload("w") as forward:
        assert await ask(forward, b"large") == b""
    assert api.opened == ["a:9000"]


async def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client learns that nothing comes."""
    monkeypatch.setattr(forwarding, "WAIT_SECONDS", 0.05)
    api, said = Pods(), list[str]()
    async with (
        api.serve() as runtime,
        runtime.forward_to_workload("w", callback=said.append) as forward,
    ):
        assert await ask(forward, b"x") == b""
    assert "no pod accepted it" in said[-1]


async def test_it_ends_with_the_workload() -> None:
    """Another of that name is another."""
    api = Pods(pods=[make_pod("a")])
    async with api.serve() as runtime, runtime.forward_to_workload("w") as forward:
        api.show("mcpworkloads", "DELETED", BODY)
        with pytest.raises(WorkloadNotFound, match="removed"):
            await forward.wait()


async def test_missing_rights_end_it_with_the_rule() -> None:
    """No repetition helps."""
    api = Pods(pods=[make_pod("a")], troubles=[403])
    async with api.serve() as runtime, runtime.forward_to_workload("w") as forward:
        assert await ask(forward, b"x") == b""
        with pytest.raises(RightsMissing, match=r"pods/portforward.*get, create"):
            await forward.wait()


async def test_a_port_that_is_taken_is_named() -> None:
    """And nothing is left open."""
    api = Pods(pods=[make_pod("a")])
    async with api.serve() as runtime, runtime.forward_to_workload("w") as forward:
        with pytest.raises(WorkloadInvalid) as caught:
            await runtime.forward_to_workload("w", port=forward.port).__aenter__()
        assert caught.value.fields == ("port",)
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert names.count("forward to team/w") == 1


async def test_a_port_without_a_server_is_refused_and_https_is_named() -> None:
    """By the workload's own scheme."""
    transport = {"type": "stdio", "stdio": {"bridge": "None"}}
    async with Pods(body={**BODY, "spec": {"image": "w", "transport": transport}}).serve() as one:
        with pytest.raises(WorkloadInvalid, match="attach to it"):
            await one.forward_to_workload("w").__aenter__()
    transport = {"type": "streamable-http", "scheme": "HTTPS"}
    body = {**BODY, "spec": {"image": "w", "transport": transport}, "status": {}}
    async with Pods(body=body).serve() as other, other.forward_to_workload("w") as forward:
        assert forward.url == f"https://127.0.0.1:{forward.port}/mcp"
