"""The operator as `make install` left it in the cluster."""

import json
from pathlib import Path

import pytest
import yaml

from tests.support.api import Api
from tests.support.cluster import ROOT, Cluster
from tests.support.kinds import Manifest
from tests.support.measurements import Measurements
from tests.support.predicates import field
from tests.support.process import NAMESPACE

MEMORY_LIMIT_MB = 120
# Answers without a shell: the image has none to speak of.
READ_STATUS = "print(open('/proc/1/status').read())"


async def operator_pod(api: Api) -> Manifest:
    """The one pod of the operator."""
    pods = [
        pod
        for pod in await api.read_all("Pod", NAMESPACE)
        if "deletionTimestamp" not in pod["metadata"]
    ]
    assert len(pods) == 1
    return pods[0]


async def process_status(api: Api, cluster: Cluster) -> dict[str, str]:
    """What the kernel says about the operator's process."""
    name = (await operator_pod(api))["metadata"]["name"]
    text = await cluster.kubectl(
        "--namespace", NAMESPACE, "exec", name, "--", "python3", "-I", "-S", "-c", READ_STATUS
    )
    lines = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {key: value.strip() for key, _, value in lines}


async def test_the_operator_runs_under_the_strictest_pod_security(api: Api) -> None:
    """Its namespace enforces `restricted`, and its pod was admitted there."""
    namespace = await api.get("Namespace", "", NAMESPACE)
    assert namespace is not None
    labels = namespace["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert field(await operator_pod(api), "status", "phase") == "Running"


async def test_the_operator_has_no_privileges_and_writes_nowhere(
    api: Api, cluster: Cluster
) -> None:
    """No root, no capability, no way to gain one, no writable root file system."""
    status = await process_status(api, cluster)
    container = field(await operator_pod(api), "spec", "containers", 0, "securityContext")

    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert container["readOnlyRootFilesystem"] is True


@pytest.mark.alone
async def test_the_operator_is_small(
    api: Api, cluster: Cluster, measurements: Measurements
) -> None:
    """Resident memory while there is little to do."""
    resident = int((await process_status(api, cluster))["VmRSS"].split()[0]) / 1024

    measurements.note(f"the operator's resident memory, idle: {resident:.0f} MB")
    assert resident < MEMORY_LIMIT_MB


async def test_the_operator_logs_json(cluster: Cluster) -> None:
    """Each line of its log in the cluster is one JSON object."""
    text = await cluster.kubectl(
        "--namespace", NAMESPACE, "logs", "deployment/mcpworkload-operator", "--tail=20"
    )
    lines = [json.loads(line) for line in text.splitlines()]

    assert lines
    assert all(isinstance(line, dict) for line in lines)


async def test_the_namespaced_overlay_binds_no_right_in_the_whole_cluster(
    cluster: Cluster,
) -> None:
    """A RoleBinding in the place of the ClusterRoleBinding, and the operator told where to look."""
    overlay = str(ROOT / "deploy" / "overlays" / "namespaced")
    objects = list(yaml.safe_load_all(await cluster.kubectl("kustomize", overlay)))

    kinds = {(item["kind"], item["metadata"].get("namespace")) for item in objects}
    assert ("RoleBinding", "mcp-servers") in kinds
    assert "ClusterRoleBinding" not in {kind for kind, _ in kinds}
    deployment = next(item for item in objects if item["kind"] == "Deployment")
    env = field(deployment, "spec", "template", "spec", "containers", 0, "env")
    assert {"name": "MCPWORKLOAD_NAMESPACES", "value": "mcp-servers"} in env


@pytest.mark.parametrize("overlay", ["default", "namespaced"])
async def test_the_right_to_attach_can_be_left_out(
    cluster: Cluster, tmp_path: Path, overlay: str
) -> None:
    """With the component `no-attach` there is no such rule, and the operator knows it."""
    # kustomize takes relative paths only, and none outside of its roots but folders.
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / "crds").symlink_to(ROOT / "crds")
    kustomization = {
        "resources": [f"deploy/overlays/{overlay}"],
        "components": ["deploy/overlays/no-attach"],
    }
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization))
    text = await cluster.kubectl("kustomize", str(tmp_path))
    objects = list(yaml.safe_load_all(text))

    assert "pods/attach" not in text
    assert "mcpworkload-operator-attach" not in text
    deployment = next(item for item in objects if item["kind"] == "Deployment")
    env = field(deployment, "spec", "template", "spec", "containers", 0, "env")
    assert {"name": "MCPWORKLOAD_ATTACH", "value": "denied"} in env
