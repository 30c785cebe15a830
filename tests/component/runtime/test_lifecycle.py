"""What is said of a workload that does not become Ready."""

import asyncio
from typing import Any, cast

import pytest

from mcpworkload.runtime import WaitTimedOut, WorkloadNotReady
from mcpworkload.runtime.connection import RuntimeConnection
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.removal import remove
from tests.support.fake_api import FakeApi, make_item


async def test_a_server_s_words_are_not_even_read_where_they_are_to_be_kept() -> None:
    """reportLogTail: false; errors end up in logs."""
    crashing = {"type": "Ready", "status": "False", "reason": "CrashLooping", "message": "it ends"}
    item = make_item(10, spec={"reportLogTail": False})
    item["status"] = {"observedGeneration": 1, "conditions": [crashing]}
    api = FakeApi([[item]], [[]])
    async with api.open() as connection:
        with pytest.raises(WorkloadNotReady, match="CrashLooping") as caught:
            await WorkloadHandle(connection, "team", "weather").until_ready(1, 0.5)

    assert caught.value.log_tail == ""
    assert api.requests == ["LIST", "WATCH 10"]


class Slow:
    """An API server that answers so many requests, and then no more."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.methods: list[str] = []

    async def request(self, method: str, _path: str, **_: Any) -> Any:
        """The workload, or nothing for ever."""
        self.methods.append(method)
        if len(self.methods) > self.answers:
            await asyncio.Event().wait()
        return make_item(10, spec={}) | {"metadata": {"name": "weather", "uid": "u"}}


@pytest.mark.parametrize(
    ("answers", "methods", "standing"),
    [
        (0, ["GET"], "was not asked for"),
        (1, ["GET", "DELETE"], "or that got no answer"),
        (2, ["GET", "DELETE", "GET"], "it goes on in the cluster"),
    ],
)
async def test_a_removal_that_takes_too_long_says_how_it_stands(
    answers: int, methods: list[str], standing: str
) -> None:
    """What was not begun does not go on."""
    api = Slow(answers)
    workload = WorkloadHandle(cast("RuntimeConnection", api), "team", "weather")
    with pytest.raises(WaitTimedOut) as caught:
        await remove(workload, keep_volumes=False, seconds=0.05)

    assert api.methods == methods
    assert standing in caught.value.advice
