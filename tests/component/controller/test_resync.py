"""The slow second look: what vanished is dropped, what came meanwhile is not."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from mcpworkload.controller.clock import Clock
from mcpworkload.controller.queue import KeyQueue
from mcpworkload.controller.resync import await_workloads, resync_forever
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.kube.errors import NotFound, Unavailable
from tests.support.parsed import make_body
from tests.support.waits import until


class ListApi:
    """Answers lists of workloads with what it was given, one answer after the other."""

    def __init__(self, *answers: Exception | list[str]) -> None:
        self.answers = list(answers)
        self.during: Callable[[], object] = list

    async def request(self, *_: Any, **__: Any) -> bytes:
        """The next answer; *during* runs while the list is made."""
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.during()
        items = [{"metadata": {"uid": uid, "name": uid, "namespace": "team"}} for uid in answer]
        return json.dumps({"metadata": {"resourceVersion": "1"}, "items": items}).encode()


def body(name: str) -> Any:
    """A workload whose UID is its name."""
    made = make_body(name)
    made["metadata"]["uid"] = name
    return made


async def nap(_: float) -> None:
    """Five milliseconds in place of ten minutes."""
    await asyncio.sleep(0.005)


CLOCK = Clock(sleep=nap)


async def test_the_vanished_go_and_the_newcomers_stay() -> None:
    """A failed list changes nothing, and a list says nothing of what was created during it."""
    store, queue = WorkloadStore(), KeyQueue(time.monotonic)
    store.put(body("here"))
    store.put(body("gone"))
    api: Any = ListApi(Unavailable("later"), ["here"])
    api.during = lambda: store.put(body("newcomer"))

    task = asyncio.create_task(resync_forever(api, (), store, queue, CLOCK))
    await until(lambda: not api.answers)
    await asyncio.sleep(0)
    task.cancel()

    assert [each["metadata"]["name"] for each in store] == ["here", "newcomer"]


async def test_the_crd_is_waited_for() -> None:
    """It may be installed in the same breath as the operator."""
    store = WorkloadStore()
    api: Any = ListApi(NotFound("no such kind"), Unavailable("starting"), ["here"])

    await await_workloads(api, (), store, CLOCK)

    assert api.answers == []
    assert store.is_expected("team/here")


async def test_a_workload_expected_in_vain_is_reconciled() -> None:
    """It went before kopf listed it; what is kept for it has to go, too."""
    store, queue = WorkloadStore(), KeyQueue(time.monotonic)
    store.expect(["team/gone"])
    looked: list[str] = []

    async def reconcile(key: str) -> None:
        looked.append(key)

    api: Any = ListApi([])
    tasks = [
        asyncio.create_task(resync_forever(api, (), store, queue, CLOCK)),
        asyncio.create_task(queue.work(reconcile)),
    ]
    await until(lambda: looked == ["team/gone"])
    for task in tasks:
        task.cancel()

    assert not store.is_expected("team/gone")
