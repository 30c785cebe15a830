"""The component high-availability on an API server with its controllers; its pods run nowhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.local.settings import REPOSITORY
from hack.terminal import ToolError
from tests.support.api import Api, RequestFailed
from tests.support.control_plane import ControlPlane
from tests.support.process import DEPLOYMENT, NAMESPACE

pytestmark = pytest.mark.timeout(300)

ROLLOUT_SECONDS = 120


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane with two nodes."""
    with ControlPlane(nodes=2) as plane:
        yield plane


def render(plane: ControlPlane, folder: Path, overlay: str) -> list[dict[str, Any]]:
    """Return the objects of *overlay* with the component."""
    kustomization = {
        "resources": [f"deploy/overlays/{overlay}"],
        "components": ["deploy/overlays/high-availability"],
    }
    # kustomize takes relative paths only, and none outside of its roots but folders.
    (folder / "deploy").symlink_to(REPOSITORY / "deploy")
    (folder / "crds").symlink_to(REPOSITORY / "crds")
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return list(yaml.safe_load_all(plane.kubectl("kustomize", str(folder))))


@pytest.mark.parametrize("overlay", ["default", "namespaced"])
def test_it_adds_to_both_overlays(plane: ControlPlane, tmp_path: Path, overlay: str) -> None:
    """Two replicas, of which neither a rollout nor a drain takes both."""
    by_kind = {one["kind"]: one for one in render(plane, tmp_path, overlay)}

    spec = by_kind["Deployment"]["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    # Preferred: one node is enough for a rollout, which has three pods for a moment.
    assert list(spec["template"]["spec"]["affinity"]["podAntiAffinity"]) == [
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    budget = by_kind["PodDisruptionBudget"]["spec"]
    assert budget == {"minAvailable": 1, "selector": spec["selector"]}
    assert by_kind["FlowSchema"]["spec"]["priorityLevelConfiguration"]["name"] == "leader-election"


async def test_a_rollout_ends_and_a_drain_leaves_one(plane: ControlPlane, tmp_path: Path) -> None:
    """The two are on two nodes; with one node left, a rollout ends as well."""
    objects = render(plane, tmp_path, "default")
    plane.apply(one for one in objects if one["kind"] != "CustomResourceDefinition")
    roll_out(plane)
    async with Api.open(str(plane.kubeconfig)) as api:
        pods = await api.read_all("Pod", NAMESPACE)
        assert len({pod["spec"]["nodeName"] for pod in pods}) == 2

        first, second = (pod["metadata"]["name"] for pod in pods)
        await evict(api, first)
        with pytest.raises(RequestFailed, match="disruption budget") as refused:
            await evict(api, second)
        assert refused.value.status == 429

        for node in (await api.read_all("Node"))[1:]:
            plane.kubectl("cordon", node["metadata"]["name"])
    plane.kubectl("rollout", "restart", DEPLOYMENT, "-n", NAMESPACE)
    roll_out(plane)


def roll_out(plane: ControlPlane) -> None:
    """
    Return when the rollout of the operator has ended.

    Raises:
        AssertionError: it does not end.
    """
    limit = f"--timeout={ROLLOUT_SECONDS}s"
    try:
        plane.kubectl("rollout", "status", DEPLOYMENT, "-n", NAMESPACE, limit)
    except ToolError as error:
        raise AssertionError(plane.kubectl("get", "pods", "-n", NAMESPACE)) from error


async def evict(api: Api, pod: str) -> None:
    """Ask for the end of a pod as a drain does."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction"
    metadata = {"name": pod, "namespace": NAMESPACE}
    await api.request(
        "POST", path, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    )
