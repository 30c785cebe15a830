"""The spine and the installation's policy: what may not run is never written."""

from typing import Any

import pytest

from mcpworkload.controller.desired import Policy
from mcpworkload.controller.settings import PodSecurity
from tests.support.harness import KEY, make_harness


@pytest.mark.parametrize(
    ("policy", "operation", "reason"),
    [
        pytest.param(
            Policy(PodSecurity.RESTRICTED),
            {"op": "remove", "path": "/spec/securityContext/runAsNonRoot"},
            "Accepted",
            id="the container says it, too",
        ),
        pytest.param(
            Policy(PodSecurity.RESTRICTED),
            {"op": "remove", "path": "/spec/containers/0/securityContext"},
            "PolicyDenied",
            id="denied",
        ),
        pytest.param(
            Policy(PodSecurity.PRIVILEGED),
            {"op": "remove", "path": "/spec/containers/0/securityContext"},
            "Accepted",
            id="allowed by the installation",
        ),
        pytest.param(
            Policy(PodSecurity.PRIVILEGED),
            {"op": "remove", "path": "/spec/nothing"},
            "PatchRejected",
            id="failed",
        ),
    ],
)
async def test_the_patched_template_is_what_the_policy_decides_on(
    policy: Policy, operation: dict[str, Any], reason: str
) -> None:
    """Nothing is written of a template that may not run, and only a new spec can help."""
    harness = make_harness(policy=policy, podTemplatePatch=[operation])

    await harness.reconcile(KEY)

    is_accepted = reason == "Accepted"
    assert ("apply StatefulSet weather" in harness.cluster.calls) == is_accepted
    if not is_accepted:
        assert harness.cluster.calls == ["status"]
        assert harness.conditions()[0] == f"Accepted=False/{reason}"
        assert harness.conditions()[-1] == f"Stalled=True/{reason}"
