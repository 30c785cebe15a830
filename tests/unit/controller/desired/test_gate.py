"""The gate's container, and what an installation lacks that cannot make one."""

from dataclasses import replace
from typing import Any

import pytest

from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.bridge.options import Address, Gate, parse
from mcpworkload.controller.admission.installation import GateTarget, Policy
from mcpworkload.controller.desired.gate import build_gate, check_gate
from mcpworkload.controller.desired.resources import complete_resources
from tests.support.parsed import make_workload

POLICY = Policy(bridge_image="bridge:1", gate=GateTarget("10.96.0.7", 8081, 8080))


def built(policy: Policy = POLICY, proxy: str | None = None, **spec: Any) -> dict[str, Any]:
    """The gate of a workload."""
    return build_gate(make_workload(**spec), policy, {"runAsUser": 1000}, proxy)


def test_the_gate_asks_for_nothing() -> None:
    """It passes Pod Security restricted, mounts nothing and has no variables."""
    gate = built()

    assert gate["name"] == "mcpw-gate"
    assert gate["image"] == "bridge:1"
    assert gate["command"] == ["/mcpw/bin/mcpw"]
    assert not {"volumeMounts", "env", "restartPolicy"} & set(gate)
    assert gate["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "capabilities": {"drop": ["ALL"]},
        "allowPrivilegeEscalation": False,
    }


@pytest.mark.parametrize(
    ("address", "proxy", "asked"),
    [
        ("10.96.0.7", None, Gate(Address("10.96.0.7", 8081), Address("10.96.0.7", 8080))),
        (
            "fd00::7",
            "[fd00::9]:3128",
            Gate(Address("fd00::7", 8081), Address("fd00::7", 8080), Address("fd00::9", 3128)),
        ),
    ],
)
def test_the_gate_understands_what_the_operator_writes(
    address: str, proxy: str | None, asked: Gate
) -> None:
    """The two are of one version, and nothing else compares them."""
    policy = replace(POLICY, gate=GateTarget(address, 8081, 8080))

    assert parse(built(policy, proxy)["args"]) == asked


def test_a_gate_takes_no_more_than_its_server() -> None:
    """What a LimitRange or a quota allows the server, it allows the gate."""
    limits = {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"}
    gate = built(resources={"limits": limits})

    server = complete_resources({"limits": limits})
    assert gate["resources"]["requests"] == server["requests"]
    assert gate["resources"]["limits"] == {
        name: amount for name, amount in server["limits"].items() if name != "nvidia.com/gpu"
    }


@pytest.mark.parametrize(
    ("policy", "missing"),
    [
        (replace(POLICY, bridge_image=""), "set MCPWORKLOAD_BRIDGE_IMAGE in the operator's"),
        (replace(POLICY, gate=None), "apply the Service mcpworkload-gate of deploy/base"),
    ],
)
def test_what_is_missing_is_named(policy: Policy, missing: str) -> None:
    """And that the proof can be waived."""
    for call in (lambda: check_gate(policy), lambda: built(policy)):
        with pytest.raises(PolicyDenied) as caught:
            call()
        assert str(caught.value).startswith("spec.isolateNetwork: found true; ")
        assert missing in str(caught.value)
        assert "MCPWORKLOAD_GATE=waived" in str(caught.value)

    check_gate(replace(policy, is_gate_required=False))


def test_nothing_is_missing() -> None:
    """Image and Service are enough."""
    check_gate(POLICY)
