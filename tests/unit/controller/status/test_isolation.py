"""The condition Isolated, from what the kubelet reports of gates."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from mcpworkload.api import names
from mcpworkload.api.hosts import HostName, OutboundRules
from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.controller.desired import NO_GRANTS, Grants, Isolation
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.status.isolation import (
    Isolated,
    describe_rules,
    report_isolation,
    seconds_to_doubt,
)
from mcpworkload.kube.objects import Deployment, LiveChild, Pod, StatefulSet
from tests.support.parsed import NOON, make_statefulset

CLOSED = Grants(isolation=Isolation(OutboundRules()))
PASSED = {"terminated": {"exitCode": 0}}


def waiting(seconds: float) -> dict[str, Any]:
    """A gate that has run for so long."""
    return {"running": {"startedAt": (NOON - timedelta(seconds=seconds)).isoformat()}}


def make_pod(gate: dict[str, Any] | None, *, is_isolated: bool = True) -> Pod:
    """A pod whose gate is in that state; None for none yet."""
    statuses = [] if gate is None else [{"name": names.GATE, "state": gate}]
    labels = {names.ISOLATED_LABEL: "true"} if is_isolated else {}
    return msgspec.convert(
        {"metadata": {"labels": labels}, "status": {"initContainerStatuses": statuses}}, Pod
    )


def report(
    *pods: Pod, grants: Grants = CLOSED, statefulset: StatefulSet | None = None, **more: Any
) -> Isolated:
    """The condition with those pods."""
    observation = Observation(
        statefulset=statefulset or make_statefulset(),
        pods={f"weather-{number}": pod for number, pod in enumerate(pods)},
    )
    given = {"is_gated": True, "refusal": None, **more}
    return report_isolation(grants, name="weather", observation=observation, now=NOON, **given)


@pytest.mark.parametrize(
    ("pods", "reason", "status", "said"),
    [
        ([make_pod(PASSED)], "Enforced", "True", "nothing leaves the pods, DNS included"),
        ([], "Enforced", "True", "nothing leaves"),
        ([make_pod(None)], "Starting", "Unknown", "0 of 1 pods"),
        ([make_pod(waiting(5))], "Starting", "Unknown", "0 of 1 pods"),
        ([make_pod(PASSED), make_pod(waiting(16))], "EngineNotSeen", "Unknown", "1 of 2 pods"),
        ([make_pod({"terminated": {"exitCode": 1}})], "Starting", "Unknown", "0 of 1"),
        ([make_pod(PASSED), make_pod(None, is_isolated=False)], "RollingOut", "False", "1 of 2"),
    ],
)
def test_the_reason_follows_the_gates(pods: list[Pod], reason: str, status: str, said: str) -> None:
    """Only a gate that has ended well is a proof, and every pod needs it."""
    found = report(*pods)

    assert (found.reason, found.status) == (reason, status)
    assert said in found.message


def test_without_isolation_the_network_rules_have_no_effect() -> None:
    """And the status says so, where there is a profile."""
    assert report(grants=NO_GRANTS).reason == "NotRequested"


def test_a_waived_gate_proves_nothing() -> None:
    """Objects are no enforced rules."""
    found = report(make_pod(None), is_gated=False)

    assert (found.reason, found.status) == ("GateWaived", "Unknown")


def test_a_refused_workload_has_no_pods_to_isolate() -> None:
    """As long as there was none before."""
    observation = Observation()
    found = report_isolation(
        CLOSED,
        is_gated=True,
        name="weather",
        observation=observation,
        refusal=PolicyDenied("no"),
        now=NOON,
    )

    assert found.reason == "NotAccepted"


def test_entries_that_nobody_can_connect_by_are_named() -> None:
    """They let nobody in."""
    isolation = Isolation(OutboundRules(), sources=(), unenforceable=("client.example.com",))
    found = report(make_pod(PASSED), grants=Grants(isolation=isolation))

    assert found.reason == "InboundHostNotEnforceable"
    assert "client.example.com" in found.message


def test_a_gate_is_doubted_in_time() -> None:
    """The reconcile comes again when its patience ends, and not for gates that have passed."""
    assert seconds_to_doubt([make_pod(waiting(5)), make_pod(PASSED)], NOON) == 10
    assert seconds_to_doubt([make_pod(waiting(20)), make_pod(None)], NOON) is None


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (OutboundRules(is_all=True), "all public addresses and no private ones"),
        (OutboundRules(hosts=(HostName("a.example", True),), ports=(443,)), ".a.example on port"),
        (OutboundRules(ports=(80,)), "public hosts on port 80 through weather-egress"),
    ],
)
def test_the_message_says_what_leaves(rules: OutboundRules, said: str) -> None:
    """In one clause."""
    assert said in describe_rules(Isolation(rules), "weather")


def test_a_proxy_that_does_not_serve_is_named() -> None:
    """Nothing leaves until it does."""
    grants = Grants(isolation=Isolation(OutboundRules(ports=(80,))))
    child_id = ChildId("Deployment", "weather-egress")
    serving = {"status": {"updatedReplicas": 1, "availableReplicas": 1}, "metadata": {}}
    served = {child_id: msgspec.convert(serving, Deployment)}
    children: list[dict[ChildId, LiveChild]] = [{}, {**served}]
    without, with_proxy = (
        report_isolation(
            grants,
            is_gated=True,
            name="weather",
            observation=Observation(children=each, pods={"weather-0": make_pod(PASSED)}),
            refusal=None,
            now=NOON,
        )
        for each in children
    )

    assert "does not serve yet" in without.message
    assert "does not serve yet" not in with_proxy.message
