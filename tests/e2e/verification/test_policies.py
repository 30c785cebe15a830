"""Where a network lets the kubelet in and the operator not, and where it lets in both."""

import pytest

from tests.support.escapes import allow
from tests.support.kinds import Manifest
from tests.support.manifests import make_object
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, has_condition, is_ready
from tests.support.real_servers import PLAIN

READY_SECONDS = 90
DENY: Manifest = {"podSelector": {}, "policyTypes": ["Ingress"]}
NOBODY: Manifest = {"network": {"inbound": {"allowHost": ["192.0.2.1"]}}}

pytestmark = pytest.mark.long


async def test_a_policy_that_denies_by_default_keeps_nothing_from_being_ready(
    namespace: Namespace,
) -> None:
    """The condition says who has to be let in; once they are, the server is verified."""
    await namespace.create(make_object("NetworkPolicy", "deny", spec=DENY))
    await namespace.apply(PLAIN.manifest())

    blocked = has_condition("Verified", "Unknown", "Unreachable") & is_ready()
    workload = await namespace.until("MCPWorkload", PLAIN.label, blocked, READY_SECONDS)
    words = condition_of(workload, "Verified")["message"]
    assert "let the pods of namespace mcpworkload-system in on port 8080" in words
    assert 'verification: {mode: "Off"}' in words

    await namespace.delete("NetworkPolicy", "deny")
    verified = has_condition("Verified", "True", "HandshakeOk") & is_ready()
    await namespace.until("MCPWorkload", PLAIN.label, verified, READY_SECONDS)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param({"builtin": "none"}, id="nothing gets out"),
        pytest.param(NOBODY, id="nobody gets in"),
        pytest.param(allow("example.com"), id="through a proxy"),
    ],
)
async def test_isolation_lets_the_operator_in(namespace: Namespace, profile: Manifest) -> None:
    """Whoever else is kept out."""
    isolated = {"isolateNetwork": True, "permissionProfile": profile}
    workload = await namespace.settle(PLAIN.manifest(**isolated), READY_SECONDS)

    assert condition_of(workload, "Verified")["reason"] == "HandshakeOk"
    assert condition_of(workload, "Isolated")["status"] == "True"
