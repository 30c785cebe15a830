"""Faults that meet everything: the API server, its store, and the CRD. One after the other."""

import asyncio

import pytest

from tests.faults.etcd import Etcd
from tests.faults.findings import Watcher, record
from tests.faults.site import Site
from tests.faults.sizes import SETTLE_SECONDS, WORKLOADS, names
from tests.support.api import RequestFailed
from tests.support.control_plane import ControlPlane
from tests.support.fault_proxy import Answer, Cut, Expire, Limit, Rule
from tests.support.measurements import Measurements

pytestmark = pytest.mark.timeout(3600)
CRD = "mcpworkloads.mcpworkload.dev"
#: Small enough that few objects take several pages.
PAGE = max(2, WORKLOADS // 5)
FULL_SECONDS = 12.0
_API = "kube-apiserver"


async def test_the_api_server_is_killed_in_a_burst(
    plane: ControlPlane, measurements: Measurements
) -> None:
    """What was created before and after exists, with its children, each once."""
    async with Site.open(plane, "restart") as site:
        how = "SIGKILL after a third of a burst create; started again at once"
        watcher = Watcher.of(site, "API server restarted in a burst", how)
        burst = asyncio.create_task(site.create(names()))
        while len(site.model) < WORKLOADS // 3:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(plane.kill, _API)
        await asyncio.to_thread(plane.start_component, _API)
        await burst
        measurements.note(record(await watcher.conclude()))


async def test_versions_expire_in_a_list_and_in_a_watch(
    plane: ControlPlane, measurements: Measurements
) -> None:
    """What was deleted while nobody watched is gone, and what was changed has changed."""
    async with Site.open(plane, "compaction") as site:
        await site.create(names())
        await site.settle(SETTLE_SECONDS)
        how = (
            "no watch reaches the API server while workloads are changed, deleted and made anew, "
            "and etcd is compacted; the next watch of each kind, and the second page of each list, "
            "is answered with 410"
        )
        watcher = Watcher.of(site, "etcd compacted: 410 in a watch and in a list", how)
        watches = frozenset({"watch"})
        site.proxy.rules = (Rule(Cut(), verbs=watches),)
        site.proxy.cut()
        await _change_unseen(site)
        await asyncio.to_thread(Etcd(plane).compact)
        site.proxy.rules = (
            Rule(Expire(), verbs=watches, times=1),
            Rule(Answer(410), path="continue=", times=1),
            Rule(Limit(PAGE), path=r"limit=\d+"),
        )
        finding = await watcher.conclude()
        assert site.proxy.counts["Expire"] > 5
        assert site.proxy.counts["410"] >= 3
        measurements.note(record(finding))


async def _change_unseen(site: Site) -> None:
    first, second = names()[: WORKLOADS // 4], names()[WORKLOADS // 4 : WORKLOADS // 2]
    await site.change_all(names()[WORKLOADS // 2 :])
    for name in (*first, *second):
        await site.delete(name)
    await site.create(second)


async def test_the_store_is_full(plane: ControlPlane, measurements: Measurements) -> None:
    """While nothing can be written nothing is lost; afterwards all is done."""
    async with Site.open(plane, "full") as site:
        await site.create(names())
        await site.settle(SETTLE_SECONDS)
        etcd = Etcd(plane)
        filled = await asyncio.to_thread(etcd.fill)
        how = (
            f"{filled >> 20} MiB written until etcd's quota is used up; {FULL_SECONDS:.0f} s later "
            "deleted, compacted, defragmented, disarmed"
        )
        watcher = Watcher.of(site, "etcd without space", how)
        # Whoever asks is refused; the operator's Lease is not renewed either.
        with pytest.raises(RequestFailed):
            await site.api.patch("MCPWorkload", site.namespace, "w0", {"spec": {"replicas": 2}})
        await asyncio.sleep(FULL_SECONDS)
        await asyncio.to_thread(etcd.make_room)
        await site.change_all(names())
        measurements.note(record(await watcher.conclude()))


async def test_the_crd_is_deleted_and_applied_again(
    plane: ControlPlane, measurements: Measurements
) -> None:
    """All workloads go with it, and their children; new ones of the same names get their own."""
    async with Site.open(plane, "crd") as site:
        await site.create(names())
        await site.settle(SETTLE_SECONDS)
        watcher = Watcher.of(
            site,
            "CRD deleted and applied again",
            "kubectl delete crd; apply; workloads created anew",
        )
        await asyncio.to_thread(plane.kubectl, "delete", "crd", CRD, "--timeout=120s")
        site.model.clear()
        await asyncio.to_thread(plane.install)
        await site.create(names())
        measurements.note(record(await watcher.conclude()))
