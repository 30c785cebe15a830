"""Of an amount that is refused it is said which container has it, and who chose it."""

from typing import Any

import pytest

from mcpworkload.controller.desired import build_draft
from mcpworkload.controller.status import Amounts
from tests.support.bridged import POLICY, attach
from tests.support.harness import KEY, FakeCluster, make_harness
from tests.support.parsed import make_event, make_observation, make_workload

_DENIED = 'pods "weather-0" is forbidden: '
MEMORY = {"requests": {"memory": "256Mi"}}
PROXY = {
    "name": "proxy",
    "image": "p:1",
    "resources": {"requests": {"memory": "16Mi"}, "limits": {"memory": "32Mi"}},
}


def explain(said: str, spec: dict[str, Any]) -> str:
    """What is added to the API server's words."""
    workload = make_workload(**spec)
    template = build_draft(workload, POLICY).template
    return Amounts(lambda: (template, workload.spec.resources)).explain(_DENIED + said)


@pytest.mark.parametrize(
    ("said", "spec", "added"),
    [
        pytest.param(
            "minimum memory usage per Container is 100Mi, but request is 64Mi",
            {},
            "; container mcp has 64Mi (requests.memory) by the operator's default: write "
            "spec.resources.requests.memory",
            id="a default of the server",
        ),
        pytest.param(
            "[maximum memory usage per Container is 200Mi, but limit is 256Mi, minimum cpu usage "
            "per Container is 20m, but request is 10m]",
            attach(resources=MEMORY),
            "; container mcpw-bridge has 256Mi (limits.memory) by the operator's default, bounded "
            "by spec.resources.limits.memory; container mcp has 10m (requests.cpu) by the "
            "operator's default: write spec.resources.requests.cpu; container mcpw-bridge has "
            "10m (requests.cpu) by the operator's default, bounded by spec.resources.requests.cpu",
            id="two amounts, of two containers",
        ),
        pytest.param(
            "maximum memory usage per Container is 200Mi, but limit is 512Mi.",
            {},
            "; container mcp has 512Mi (limits.memory) by the operator's default: write "
            "spec.resources.limits.memory",
            id="a limit nobody wrote",
        ),
        pytest.param(
            "minimum memory usage per Container is 1Gi, but request is 268435456",
            {"resources": MEMORY},
            "; container mcp has 256Mi (requests.memory), as spec.resources.requests.memory says",
            id="an amount of the spec, spelled otherwise",
        ),
        pytest.param(
            "minimum memory usage per Container is 1Gi, but request is 16Mi",
            {"sidecars": [PROXY]},
            "; container proxy has 16Mi (requests.memory)",
            id="a sidecar of the spec",
        ),
        pytest.param(
            "memory max limit to request ratio per Container is 1, but provided ratio is 8.000000",
            {},
            "; container mcp has 512Mi (limits.memory) by the operator's default: write "
            "spec.resources.limits.memory",
            id="a proportion",
        ),
        pytest.param(
            "maximum cpu usage per Container is 2.  No limit is specified",
            {},
            "; container mcp has no limit of cpu",
            id="no amount at all",
        ),
        pytest.param(
            "exceeded quota: q, requested: limits.memory=512Mi,requests.cpu=10m, limited: "
            "limits.memory=100Mi,requests.cpu=1m",
            {"resources": {"requests": {"cpu": "10m"}}},
            "; container mcp has 512Mi (limits.memory) by the operator's default: write "
            "spec.resources.limits.memory",
            id="a quota: what the spec wrote is known to its author",
        ),
        pytest.param(
            "exceeded quota: q, requested: memory=64Mi, used: memory=0, limited: memory=10Mi",
            {},
            "; container mcp has 64Mi (requests.memory) by the operator's default: write "
            "spec.resources.requests.memory",
            id="a quota of requests by the short name",
        ),
        pytest.param("exceeded quota: q, requested: pods=1, limited: pods=0", {}, "", id="pods"),
        pytest.param('violates PodSecurity "restricted"', {}, "", id="something else"),
    ],
)
def test_amounts(said: str, spec: dict[str, Any], added: str) -> None:
    """Each container that has it, with the field that changes it."""
    assert explain(said, spec) == added


async def test_the_condition_has_it() -> None:
    """From the Event of a refused pod to the status."""
    said = f"{_DENIED}minimum memory usage per Container is 100Mi, but request is 64Mi"
    event = make_event(
        "FailedCreate", f"create Pod weather-0 in StatefulSet weather failed error: {said}"
    )
    harness = make_harness(
        FakeCluster(observation=make_observation(failed_creates=[event]), version=500)
    )

    await harness.reconcile(KEY)

    available = harness.cluster.statuses[-1]["conditions"][1]
    assert available["reason"] == "PodRefused"
    assert available["message"].endswith(
        "but request is 64Mi; container mcp has 64Mi (requests.memory) by the operator's default: "
        "write spec.resources.requests.memory"
    )
