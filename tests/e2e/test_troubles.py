"""
A workload that cannot serve says why, in the words of whoever knows, until it can.

All troubles of `support/troubles.py` are there at once, since most of them take their time: first
each is looked at, then left alone, then mended. What kubectl shows of each is compared with
`docs/troubleshooting.md`; `make troubleshooting` writes it there instead.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.support.api import Api
from tests.support.audit import AuditLog
from tests.support.cluster import Cluster
from tests.support.describe import excerpt
from tests.support.kinds import Manifest
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest
from tests.support.page import read_blocks, write_block
from tests.support.predicates import Predicate, condition_of, field, has_condition, is_ready
from tests.support.troubles import TROUBLES, Trouble, clean_up

# Beside other tests, the kubelet may replace the record of an exit before the operator has seen it;
# an Event then reports that the details are unknown, which the page does not show.
pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.asyncio(loop_scope="module")]

TROUBLE_SECONDS = 90
# The kubelet's second attempt to mount comes two minutes after the first at the latest.
HEAL_SECONDS = 150
# The kubelet restarts what ends after 10 s, then 20 s; by then each has done so.
QUIET_SECONDS = 35.0
# Every Event of a trouble has come by then.
EVENTS_SECONDS = 45.0
# A cluster's version decides on some words; those of the page are the local cluster's.
PAGE_CONTEXT = "mcpworkload-local"
IS_TO_WRITE = bool(os.environ.get("MCPWORKLOAD_WRITE_PAGE"))
IS_COUNTED = Predicate(
    "is counted", lambda quota: quota is not None and bool(field(quota, "status", "used"))
)

each_trouble = pytest.mark.parametrize(
    "trouble", [pytest.param(trouble, id=trouble.name) for trouble in TROUBLES]
)


def says(*words: str) -> Predicate:
    """The message of Available holds all of *words*."""

    def holds(workload: Manifest | None) -> bool:
        message = condition_of(workload or {}, "Available").get("message", "")
        return all(each in message for each in words)

    return Predicate(f"says {words}", holds)


class Namespaces:
    """Where the troubled workloads are: those that would trouble others, elsewhere."""

    def __init__(self, shared: Namespace, alone: Namespace) -> None:
        self.shared, self.alone = shared, alone
        self._are_told = self._are_mended = False

    def of(self, trouble: Trouble) -> Namespace:
        """The namespace of that one."""
        return self.alone if trouble.is_alone else self.shared

    async def until_said(self, trouble: Trouble) -> Manifest:
        """The workload, once its status tells what is wrong."""
        said = has_condition("Available", "False", trouble.reason) & says(*trouble.says)
        return await self.of(trouble).until("MCPWorkload", trouble.name, said, TROUBLE_SECONDS)

    async def until_told(self) -> None:
        """Let the Events come that follow what the status says, once for all troubles."""
        if not self._are_told:
            self._are_told = True
            await asyncio.sleep(EVENTS_SECONDS)

    async def mend_all(self) -> None:
        """Make every cause go, once."""
        if not self._are_mended:
            self._are_mended = True
            await asyncio.gather(*(trouble.mend(self.of(trouble)) for trouble in TROUBLES))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def namespaces(
    cluster: Cluster, operator_under_test: OperatorUnderTest
) -> AsyncIterator[Namespaces]:
    """All troubles, just begun."""
    operator_under_test.put_in()
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(Api.open(cluster.kubeconfig))
        shared, alone = [
            await stack.enter_async_context(Namespace.open(api, word, operator_under_test.log))
            for word in ("troubles", "trouble-alone")
        ]
        namespaces = Namespaces(shared, alone)
        stack.push_async_callback(clean_up, shared)
        for trouble in TROUBLES:
            for manifest in trouble.before:
                await namespaces.of(trouble).create(manifest)
        # A quota that has not been counted yet does not refuse.
        if quotas := await alone.read_all("ResourceQuota"):
            name = quotas[0]["metadata"]["name"]
            await alone.until("ResourceQuota", name, IS_COUNTED)
        for trouble in TROUBLES:
            await namespaces.of(trouble).apply(trouble.manifest)
        yield namespaces


@each_trouble
async def test_what_the_status_says(namespaces: Namespaces, trouble: Trouble) -> None:
    """The reason, pod and container, and the words of whoever knows."""
    workload = await namespaces.until_said(trouble)

    available, ready = condition_of(workload, "Available"), condition_of(workload, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", trouble.reason)
    assert ready["message"] == available["message"]


async def describe(namespaces: Namespaces, trouble: Trouble, cluster: Cluster) -> str:
    """What kubectl shows of the troubled workload at this moment."""
    namespace = namespaces.of(trouble).name
    described = await cluster.kubectl("describe", "mcpw", trouble.name, "--namespace", namespace)
    return excerpt(described, namespace)


@each_trouble
@pytest.mark.timeout(TROUBLE_SECONDS + 2 * EVENTS_SECONDS + 30)
async def test_what_kubectl_shows(
    namespaces: Namespaces, trouble: Trouble, cluster: Cluster
) -> None:
    """It is what the page for users says that it shows."""
    if cluster.context != PAGE_CONTEXT:
        pytest.skip("the page has the words of the local cluster's versions")
    await namespaces.until_said(trouble)
    if IS_TO_WRITE:
        await namespaces.until_told()
        write_block(trouble.title, await describe(namespaces, trouble, cluster))

    # The Event of an exit comes after the condition that a failing probe gives.
    page, deadline = read_blocks()[trouble.title], time.monotonic() + EVENTS_SECONDS
    shown = await describe(namespaces, trouble, cluster)
    while shown != page and time.monotonic() < deadline:
        await asyncio.sleep(1)
        shown = await describe(namespaces, trouble, cluster)
    assert shown == page


async def restarts_of(namespace: Namespace) -> Counter[str]:
    """How many exits have been counted, by workload."""
    workloads = await namespace.read_all("MCPWorkload")
    return Counter({each["metadata"]["name"]: each["status"]["restarts"] for each in workloads})


async def test_only_exits_are_written_while_trouble_lasts(
    namespaces: Namespaces, cluster: Cluster
) -> None:
    """However often pods are started and images asked for: no server is ready for a moment."""
    log = AuditLog(cluster.require_audit_log()).from_now()
    before = await restarts_of(namespaces.shared)

    await asyncio.sleep(QUIET_SECONDS)

    writes = Counter(write.name for write in log.writes(namespaces.shared.name))
    exits = await restarts_of(namespaces.shared) - before
    assert set(log.count(namespaces.shared.name)) <= {"patch mcpworkloads/status"}
    assert log.writes(namespaces.alone.name) == []
    # One may fall between two of these looks.
    assert {name for name in writes | exits if abs(writes[name] - exits[name]) > 1} == set()
    assert exits["short-lived"] > 0
    pod = await namespaces.shared.get("Pod", "short-lived-0")
    assert pod["status"]["containerStatuses"][0]["restartCount"] > 1


@each_trouble
@pytest.mark.timeout(HEAL_SECONDS + 60)
async def test_it_ends_with_its_cause(namespaces: Namespaces, trouble: Trouble) -> None:
    """Nothing has to be restarted or deleted."""
    await namespaces.mend_all()

    await namespaces.of(trouble).until("MCPWorkload", trouble.name, is_ready(), HEAL_SECONDS)


async def test_each_transition_has_one_event(namespaces: Namespaces) -> None:
    """The operator's own Events, on the workload; a start that goes well is none."""
    name = "command-not-found"
    await namespaces.shared.settle(make_running_workload(name), HEAL_SECONDS)

    events = [
        event
        for event in await namespaces.shared.read_all("CoreEvent")
        if event["involvedObject"]["kind"] == "MCPWorkload"
        and event["involvedObject"]["name"] == name
    ]

    # That one says for each exit that it was.
    said = [(event["type"], event["reason"]) for event in events if event["reason"] != "Exited"]
    assert sorted(set(said)) == sorted(said)
    assert set(said) == {("Warning", "StartFailed")}
