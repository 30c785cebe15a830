"""Reading the log of a pod to its end, where the kubelet knows more than the API server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import msgspec

from mcpworkload.kube.objects import Pod
from mcpworkload.runtime.connection import RuntimeConnection
from mcpworkload.runtime.errors import WorkloadInvalid
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.logs import LogOptions
from mcpworkload.runtime.podlog import Reader

FIRST, SECOND = "containerd://1", "containerd://2"


def make_pod(running: str = "", ended: str = "", uid: str = "uid") -> Pod:
    """A pod whose container runs, or has ended, as an instance of that id."""
    state: dict[str, Any] = {"terminated": {"containerID": ended}}
    if running:
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    status = {"name": "mcp", "state": state, "containerID": running or ended}
    metadata = {"name": "w-0", "uid": uid}
    return msgspec.convert({"metadata": metadata, "status": {"containerStatuses": [status]}}, Pod)


def log(*seconds: int, end: str = "\n") -> bytes:
    """Lines printed at those seconds, which are their texts as well."""
    lines = (f"2026-01-01T00:00:{second:02}.5Z {second}" for second in seconds)
    return ("\n".join(lines) + end).encode()


class FakeKubelet(RuntimeConnection):
    """Answers that were written down before; None breaks off."""

    def __init__(self, *answers: list[bytes | None], previous: bytes | None = None) -> None:
        self.answers = list(answers)
        self.previous = previous
        self.pod = make_pod(FIRST)
        self.has_answered: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def stream(  # type: ignore[override]  # less is enough here
        self, _path: str, query: Mapping[str, str], _workload: str, **_: object
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """The next answer; the previous log where that is asked for."""
        pieces: list[bytes | None]
        if "previous" in query:
            if self.previous is None:
                raise WorkloadInvalid("previous terminated container not found")
            pieces = [self.previous]
        else:
            pieces = self.answers.pop(0)
        content = SimpleNamespace(iter_any=lambda: self._play(pieces))
        try:
            yield cast("aiohttp.StreamReader", content)
        finally:
            if "previous" not in query:
                self.has_answered()

    async def _play(self, pieces: list[bytes | None]) -> AsyncIterator[bytes]:
        for piece in pieces:
            if piece is None:
                raise aiohttp.ClientPayloadError("broken")
            yield piece

    async def request(self, *_: object, **__: object) -> Any:
        """The pod as it is now."""
        return msgspec.to_builtins(self.pod)


async def read(kubelet: FakeKubelet, *pods: Pod) -> list[str]:
    """What a reader tells that sees the pod become the next of *pods* after each answer."""
    lines: asyncio.Queue[Any] = asyncio.Queue()
    reader = Reader(WorkloadHandle(kubelet, "team", "w"), LogOptions(), pods[0], lines)
    # After the last answer the pod is gone.
    news = iter((*pods[1:], None))
    kubelet.has_answered = lambda: reader.see(next(news))

    await reader.run(is_old=False, after=None)

    assert kubelet.answers == []
    return [lines.get_nowait() for _ in range(lines.qsize())]


async def test_the_kubelet_is_ahead() -> None:
    """It shows the next instance already: what is left of the one before comes first."""
    kubelet = FakeKubelet([log(1, 2), None], [log(5, 6)], previous=log(1, 2, 3, 4))

    assert await read(kubelet, make_pod(FIRST), make_pod(FIRST)) == [*"123456"]


async def test_the_kubelet_moves_on_while_it_is_asked() -> None:
    """The same instance is read both ways, and told once."""
    kubelet = FakeKubelet([log(1), None], [log(1, 2, 3, 4)], previous=log(1, 2, 3))

    assert await read(kubelet, make_pod(FIRST), make_pod(FIRST)) == [*"1234"]


async def test_the_log_of_another_pod_is_not_returned() -> None:
    """The pod was replaced, and the watch has not said so yet."""
    kubelet = FakeKubelet([log(1)])
    kubelet.pod = make_pod(SECOND, uid="another")

    assert await read(kubelet, make_pod(FIRST)) == []


async def test_a_line_that_was_cut_is_returned_whole() -> None:
    """The connection broke within a line."""
    kubelet = FakeKubelet([log(1), log(22)[:-3], None], [log(1, 22)])

    assert await read(kubelet, make_pod(FIRST), make_pod(FIRST)) == ["1", "22"]


async def test_a_last_line_without_a_line_feed() -> None:
    """It is told once nothing can be added to it: the instance has ended, or the pod is gone."""
    ended = FakeKubelet([log(1, 22, end="")], [log(1, 22, end="")])
    gone = FakeKubelet([log(1, 22, end="")])

    assert await read(ended, make_pod(FIRST), make_pod(ended=FIRST)) == ["1", "22"]
    assert await read(gone, make_pod(FIRST)) == ["1", "22"]
