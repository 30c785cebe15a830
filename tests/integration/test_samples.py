"""Every sample is taken by the API server, runs, and stays as its author wrote it."""

import pytest
import yaml

from tests.support.api import Api
from tests.support.cluster import ROOT, Cluster
from tests.support.kinds import Manifest
from tests.support.namespace import Namespace
from tests.support.predicates import is_ready

FOLDER = ROOT / "deploy" / "samples"
# A dozen servers start at once, on two cores.
RUN_SECONDS = 200
OPERATOR = "mcpworkload"


def read_samples() -> list[Manifest]:
    """The workloads among the samples."""
    bodies = [
        body for path in FOLDER.glob("*.yaml") for body in yaml.safe_load_all(path.read_text())
    ]
    return [body for body in bodies if body["kind"] == "MCPWorkload"]


async def test_the_api_server_takes_every_sample(namespace: Namespace, cluster: Cluster) -> None:
    """Nothing in them is unknown to it, or refused."""
    arguments = ("--server-side", "--dry-run=server", "--validate=strict")
    words = await cluster.kubectl("-n", namespace.name, "apply", *arguments, f"-f{FOLDER}")

    for sample in read_samples():
        assert f"mcpworkload.mcpworkload.dev/{sample['metadata']['name']} serverside" in words


@pytest.mark.long
@pytest.mark.timeout(RUN_SECONDS + 60)
async def test_every_sample_runs(namespace: Namespace, api: Api, cluster: Cluster) -> None:
    """All at once; then nothing differs from what was applied, and only status was written."""
    # One of the samples is about an image that needs root.
    label = {"pod-security.kubernetes.io/enforce": "baseline"}
    await api.patch("Namespace", "", namespace.name, {"metadata": {"labels": label}})
    here = ("--namespace", namespace.name)
    await cluster.kubectl(*here, "apply", f"-f{FOLDER}")
    names = [sample["metadata"]["name"] for sample in read_samples()]

    workloads = await namespace.until_all("MCPWorkload", names, is_ready(), RUN_SECONDS)

    # Its exit status is 1, and this call an error, as soon as one field differs.
    assert await cluster.kubectl(*here, "diff", f"-f{FOLDER}") == ""
    for workload in workloads:
        written = [
            (entry.get("subresource"), list(entry["fieldsV1"]))
            for entry in workload["metadata"]["managedFields"]
            if entry["manager"] == OPERATOR
        ]
        assert written == [("status", ["f:status"])], workload["metadata"]["name"]
