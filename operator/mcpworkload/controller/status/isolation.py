"""The condition Isolated: whether the network's rules hold for every pod, and what they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from mcpworkload.api import names
from mcpworkload.api.hosts import OutboundRules
from mcpworkload.api.names import ChildId
from mcpworkload.api.reasons import IsolatedReason
from mcpworkload.api.refusals import Refusal
from mcpworkload.api.status import ConditionStatus
from mcpworkload.controller.desired import Grants, Isolation
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.kube.objects import ContainerStatus, Deployment, Pod

# Within a few seconds an engine knows a new pod.
PATIENCE = timedelta(seconds=15)
_MOST_LISTED: Final = 5


@dataclass(frozen=True)
class Isolated:
    """Reason and message of the condition."""

    reason: IsolatedReason
    message: str

    @property
    def status(self) -> ConditionStatus:
        """The status that the reason stands for."""
        return cast("ConditionStatus", self.reason.status)


def report_isolation(
    grants: Grants,
    *,
    is_gated: bool,
    name: str,
    observation: Observation,
    refusal: Refusal | None,
    now: datetime,
) -> Isolated:
    """
    Return the condition of a workload that has a profile or whose network is isolated.

    *is_gated* is whether its pods start with a gate.
    """
    isolation = grants.isolation
    if isolation is None:
        return Isolated(
            IsolatedReason.NOT_REQUESTED,
            "isolateNetwork is not true: the network part of the profile has no effect",
        )
    if refusal is not None and observation.statefulset is None:
        return Isolated(IsolatedReason.NOT_ACCEPTED, "there are no pods: see Accepted")
    holds = describe_rules(isolation, name)
    found = _from_pods(list(observation.pods.values()), is_gated=is_gated, now=now)
    if found is not None:
        return Isolated(found.reason, f"{found.message}; {holds}")
    if isolation.unenforceable:
        entries = _listed(isolation.unenforceable)
        return Isolated(
            IsolatedReason.INBOUND_HOST_NOT_ENFORCEABLE,
            f"no NetworkPolicy can let in by host name: {entries} cannot connect; write addresses, "
            f"networks, or namespace/workload in network.inbound.allowHost; {holds}",
        )
    return Isolated(IsolatedReason.ENFORCED, holds + _without_proxy(isolation, name, observation))


def describe_rules(isolation: Isolation, name: str) -> str:
    """Return what may enter and leave the pods, and what is not looked at."""
    parts = [_outwards(isolation.outbound, name), _inwards(isolation)]
    if isolation.left_out:
        parts.append(f"the cluster has no IPv6, hence no {_listed(isolation.left_out)}")
    if isolation.outbound.needs_proxy:
        parts.append("what is inside of a tunnel (CONNECT) is not inspected")
    return "; ".join(parts)


def _without_proxy(isolation: Isolation, name: str, observation: Observation) -> str:
    """Return what is missing while no proxy with the newest rules serves; empty otherwise."""
    proxy = observation.children.get(ChildId("Deployment", names.egress_name(name)))
    is_served = isinstance(proxy, Deployment) and proxy.is_current
    # Nothing is to be served where nothing runs.
    if not isolation.outbound.needs_proxy or is_served or not observation.pods:
        return ""
    return "; the newest egress proxy does not serve yet"


def seconds_to_doubt(pods: Iterable[Pod], now: datetime) -> float | None:
    """Return in how many seconds a gate of *pods* has waited for too long; None for never."""
    waits = (_wait_left(gate, now) for pod in pods if (gate := _gate_of(pod)) is not None)
    return min((wait for wait in waits if wait is not None and wait > 0), default=None)


def _from_pods(pods: Sequence[Pod], *, is_gated: bool, now: datetime) -> Isolated | None:
    """Return why it does not hold, or is not known to, for every one of *pods*; else None."""
    older = sum(names.ISOLATED_LABEL not in pod.metadata.labels for pod in pods)
    if older:
        return Isolated(
            IsolatedReason.ROLLING_OUT,
            f"{older} of {len(pods)} pods were made before isolation was asked for",
        )
    if not is_gated:
        return Isolated(
            IsolatedReason.GATE_WAIVED,
            "the installation waives the proof that the rules are enforced (MCPWORKLOAD_GATE)",
        )
    gates = [_gate_of(pod) for pod in pods]
    waits = [_wait_left(gate, now) for gate in gates if gate is not None]
    doubtful = sum(wait is not None and wait <= 0 for wait in waits)
    if doubtful:
        return Isolated(
            IsolatedReason.ENGINE_NOT_SEEN,
            f"{doubtful} of {len(pods)} pods wait: the cluster does not enforce their "
            "NetworkPolicies, or the operator cannot be reached from them; the log of their "
            f"container {names.GATE} says which",
        )
    passed = sum(gate is not None and _has_passed(gate) for gate in gates)
    if passed < len(pods):
        return Isolated(
            IsolatedReason.STARTING, f"{passed} of {len(pods)} pods have passed their gate"
        )
    return None


def _gate_of(pod: Pod) -> ContainerStatus | None:
    containers = pod.status.init_container_statuses
    return next((each for each in containers if each.name == names.GATE), None)


def _has_passed(gate: ContainerStatus) -> bool:
    ended = gate.state.terminated
    return ended is not None and ended.exit_code == 0


def _wait_left(gate: ContainerStatus, now: datetime) -> float | None:
    """Return for how many seconds the gate may still be at work; None for one that is not."""
    running = gate.state.running
    if running is None or running.started_at is None:
        return None
    return (running.started_at + PATIENCE - now).total_seconds()


def _outwards(rules: OutboundRules, name: str) -> str:
    if rules.is_all:
        private = _listed(map(str, rules.private))
        more = f", and {private}" if private else " and no private ones"
        return f"the pods reach all public addresses{more}"
    if not rules.needs_proxy:
        return "nothing leaves the pods, DNS included"
    where = _listed(map(str, rules.hosts)) or "public hosts"
    ports = f" on port {_listed(map(str, rules.ports))}" if rules.ports else ""
    return f"the pods reach {where}{ports} through {names.egress_name(name)}, and nothing else"


def _inwards(isolation: Isolation) -> str:
    if isolation.sources is None:
        return "everybody reaches their ports"
    if not isolation.sources:
        return "nobody reaches their ports"
    return f"their ports are open to {len(isolation.sources)} listed sources"


def _listed(entries: Iterable[str]) -> str:
    found = list(entries)
    more = f" and {len(found) - _MOST_LISTED} more" if len(found) > _MOST_LISTED else ""
    return f"{', '.join(found[:_MOST_LISTED])}{more}"
