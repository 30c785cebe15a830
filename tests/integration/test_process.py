"""The operator as a process: its probes, its exit, and what it needs to be allowed."""

import asyncio
import re
import socket
from pathlib import Path

import aiohttp

from tests.support.api import Api
from tests.support.cluster import ROOT, Cluster
from tests.support.manifests import make_object, make_workload
from tests.support.namespace import Namespace
from tests.support.process import OperatorProcess, write_kubeconfig

# What is under way when the operator is told to end differs from time to time.
ENDS = 5
PAGE = ROOT / "docs" / "observability.md"
RBAC = "rbac.authorization.k8s.io"


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def read_probes(port: int) -> dict[str, tuple[int, str]]:
    """What the operator answers to the kubelet's two questions."""
    answers = {}
    async with aiohttp.ClientSession() as session:
        for path in ("/livez", "/readyz"):
            async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                answers[path] = (response.status, await response.text())
    return answers


async def read_metrics(port: int) -> list[str]:
    """What the operator tells Prometheus, line by line."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as response,
    ):
        return (await response.text()).splitlines()


async def test_a_leading_operator_answers_its_probes(
    operator: OperatorProcess, namespace: Namespace, tmp_path: Path
) -> None:
    """Alive and ready, once it has looked at what there is."""
    operator.stop()
    port = free_port()
    environment = {"MCPWORKLOAD_PROBE_PORT": str(port)}
    probed = OperatorProcess(
        operator.kubeconfig, tmp_path / "log", operator.identity, environment=environment
    )
    probed.start_leading()
    try:
        await namespace.settle(make_workload("weather"))

        assert await read_probes(port) == {"/livez": (200, "ok"), "/readyz": (200, "ok")}
        labels = f'namespace="{namespace.name}",workload="weather"'
        metrics = await read_metrics(port)
        assert f"mcpworkload_unexpected_exits_total{{{labels}}} 0" in metrics
        assert f"mcpworkload_ready{{{labels}}} 1" in metrics
        served = {line.split()[2] for line in metrics if line.startswith("# TYPE")}
        named = set(re.findall(r"^\| `(mcpworkload_\w+)`", PAGE.read_text(), re.MULTILINE))
        # A process outside of a container may have no limit.
        assert named - {"mcpworkload_memory_limit_bytes"} <= served
        # The caches', that of references, and kopf's.
        for resource in ("statefulsets", "pods", "configmaps", "mcpworkloads"):
            assert any(
                line.startswith(f'mcpworkload_watch_age_seconds{{resource="{resource}"}}')
                for line in metrics
            )
        patches = 'code="200",resource="mcpworkloads/status",verb="patch"'
        assert any(
            line.startswith(f"mcpworkload_api_requests_total{{{patches}") for line in metrics
        )
    finally:
        assert probed.stop() == 0


async def test_a_waiting_operator_answers_its_probes(
    operator: OperatorProcess, tmp_path: Path
) -> None:
    """One that does not lead is healthy too: else a second replica would never roll out."""
    assert operator.is_leading()
    port = free_port()
    environment = {"MCPWORKLOAD_PROBE_PORT": str(port)}
    waiting = OperatorProcess(
        operator.kubeconfig, tmp_path / "log", "tests-waiting", environment=environment
    )
    waiting.start()
    try:
        waiting.wait_for(f"waiting: {operator.identity} is the leader")

        assert await read_probes(port) == {"/livez": (200, "ok"), "/readyz": (200, "ok")}
    finally:
        assert waiting.stop() == 0


async def test_an_end_amid_failing_writes_is_a_good_end(
    operator: OperatorProcess, api: Api, tmp_path: Path
) -> None:
    """What fails while it ends is no failure of the operator."""
    operator.stop()
    for number in range(ENDS):
        ending = OperatorProcess(operator.kubeconfig, tmp_path / "log", operator.identity)
        ending.start_leading()
        async with Namespace.open(api, "ending", ending.words) as namespace:
            for name in (f"w{each}" for each in range(20)):
                # Refused by the API server, and asked again and again.
                await namespace.apply(make_workload(name, hostAliases=[{"ip": "no address"}]))
            await asyncio.sleep(number * 0.05)
            assert ending.stop() == 0, ending.words()


async def test_the_rights_in_one_namespace_are_enough_for_one_namespace(
    operator: OperatorProcess, namespace: Namespace, api: Api, cluster: Cluster, tmp_path: Path
) -> None:
    """As in the overlay `namespaced`: a RoleBinding instead of the ClusterRoleBinding."""
    operator.stop()
    kubeconfig = await make_account(namespace, cluster, tmp_path)
    environment = {"MCPWORKLOAD_NAMESPACES": namespace.name, "POD_NAMESPACE": namespace.name}
    narrow = OperatorProcess(kubeconfig, tmp_path / "log", "narrow", environment=environment)
    narrow.start_leading()
    try:
        async with Namespace.open(api, "elsewhere", narrow.words) as elsewhere:
            await elsewhere.apply(make_workload("weather"))
            await namespace.settle(make_workload("weather"))

            unseen = await elsewhere.get("MCPWorkload", "weather")
            assert unseen["status"] == {"observedGeneration": -1}
            assert await elsewhere.read_all("StatefulSet") == []
    finally:
        assert narrow.stop() == 0
    assert "forbidden" not in narrow.words()


async def make_account(namespace: Namespace, cluster: Cluster, folder: Path) -> Path:
    """A kubeconfig of a ServiceAccount with the operator's rights in *namespace* alone."""
    subjects = [{"kind": "ServiceAccount", "name": "narrow", "namespace": namespace.name}]
    await namespace.create(make_object("ServiceAccount", "narrow"))
    lease = {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["create", "get", "update"],
    }
    await namespace.create(make_object("Role", "leader", rules=[lease]))
    for name, kind, role in (
        ("leader", "Role", "leader"),
        ("operator", "ClusterRole", "mcpworkload-operator"),
        ("attach", "ClusterRole", "mcpworkload-operator-attach"),
    ):
        reference = {"apiGroup": RBAC, "kind": kind, "name": role}
        binding = make_object("RoleBinding", name, roleRef=reference, subjects=subjects)
        await namespace.create(binding)
    return write_kubeconfig(cluster, folder / "kubeconfig", namespace.name, "narrow")
