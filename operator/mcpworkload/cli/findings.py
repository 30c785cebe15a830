"""Pure: faults of an installation or of one workload, from answers of the API server."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from mcpworkload.cli.advice import advice_for

Level = Literal["FAIL", "warn", "ok"]
# A leader renews several times within the duration of its Lease; clocks differ somewhat.
_CLOCK_SKEW = timedelta(seconds=10)
_DEFAULT_LEASE_SECONDS = 15
# What passes by itself, was asked for, or keeps no server from its work.
_NO_FAILURE = frozenset(
    {
        *("Starting", "Updating", "RollingOut", "Stopped", "ScaledToZero"),
        *("NotRequested", "InboundHostNotEnforceable", "GateWaived"),
        *("Unreachable", "AuthRequired", "Pending", "NoPods"),
    }
)


@dataclass(frozen=True)
class Finding:
    """One statement, and what to do if it is no good news."""

    level: Level
    what: str
    advice: str = ""


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return FAIL first, then warn, then ok; causes stay before what follows from them."""
    return sorted(findings, key=lambda finding: ("FAIL", "warn", "ok").index(finding.level))


def judge_fields(served: Mapping[str, Any], known: frozenset[str]) -> Finding:
    """
    Return whether the CRD in the cluster is of this program's version.

    *served* is the OpenAPI document of the group, *known* the fields of the spec here.
    """
    for schema in served["components"]["schemas"].values():
        kinds = schema.get("x-kubernetes-group-version-kind") or ()
        if any(kind["kind"] == "MCPWorkload" for kind in kinds):
            fields = frozenset(schema["properties"]["spec"]["properties"])
            break
    else:
        return Finding("FAIL", "the cluster serves no MCPWorkload", "install the CRD: crds/")
    if missing := sorted(known - fields):
        words = f"the installed CRD is older than this program: it has no {', '.join(missing)}"
        return Finding("warn", words, "apply the CRD of this version before its operator")
    if more := sorted(fields - known):
        words = f"the installed CRD is newer than this program: it has {', '.join(more)}"
        return Finding("warn", words, "update this program")
    return Finding("ok", "the CRD is served, and of this program's version")


def judge_deployments(deployments: Sequence[Mapping[str, Any]], namespace: str) -> Finding:
    """Return whether an operator runs."""
    if not deployments:
        return Finding(
            "FAIL",
            f"there is no operator in namespace {namespace}",
            "install it, or give its namespace with --operator-namespace",
        )
    deployment = deployments[0]
    name = deployment["metadata"]["name"]
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    if deployment["spec"].get("replicas", 1) == 0:
        advice = f"kubectl -n {namespace} scale deployment {name} --replicas=1"
        return Finding("FAIL", f"the operator {name} is scaled to zero", advice)
    if not (deployment.get("status") or {}).get("readyReplicas"):
        advice = f"kubectl -n {namespace} describe pods; kubectl -n {namespace} logs deploy/{name}"
        return Finding("FAIL", f"the operator {name} ({image}) is not ready", advice)
    return Finding("ok", f"the operator {name} ({image}) runs")


def variables_of(deployment: Mapping[str, Any]) -> dict[str, str]:
    """Return the operator's variables that have a plain value."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry.get("value", "") for entry in container.get("env") or ()}


def judge_bridge(variables: Mapping[str, str]) -> list[Finding]:
    """Return a warning where stdio servers cannot be served, else nothing."""
    if variables.get("MCPWORKLOAD_BRIDGE_IMAGE"):
        return []
    words = "the operator has no bridge: servers of transport stdio are refused"
    return [Finding("warn", words, "set MCPWORKLOAD_BRIDGE_IMAGE in its Deployment")]


def judge_isolation(variables: Mapping[str, str]) -> list[Finding]:
    """Return a warning for each thing that keeps the installation from isolating all workloads."""
    found = []
    if not variables.get("MCPWORKLOAD_EGRESS_IMAGE"):
        words = "the operator has no egress proxy: isolated workloads that list hosts are refused"
        found.append(Finding("warn", words, "set MCPWORKLOAD_EGRESS_IMAGE in its Deployment"))
    if variables.get("MCPWORKLOAD_GATE") == "waived":
        words = "isolated pods start without the proof that their network's rules are enforced"
        found.append(Finding("warn", words, "remove MCPWORKLOAD_GATE from its Deployment"))
    return found


def judge_lease(lease: Mapping[str, Any], now: datetime) -> Finding:
    """Return whether an operator leads, wherever it runs."""
    spec = lease.get("spec") or {}
    holder = spec.get("holderIdentity")
    if not holder:
        return Finding("FAIL", "no operator leads", "read its log: it waits for the Lease")
    renewed = datetime.fromisoformat(spec["renewTime"])
    valid = timedelta(seconds=spec.get("leaseDurationSeconds") or _DEFAULT_LEASE_SECONDS)
    silent = now - renewed
    if silent > valid + _CLOCK_SKEW:
        words = f"the leader {holder} has not renewed its Lease for {silent.total_seconds():.0f} s"
        return Finding(
            "FAIL", words, "read the operator's log; another operator takes over if one runs"
        )
    return Finding("ok", f"{holder} leads")


@dataclass(frozen=True)
class Right:
    """A rule that a command or the operator needs, and what for."""

    verb: str
    group: str
    resource: str
    purpose: str
    subresource: str = ""

    def __str__(self) -> str:
        """As in a Role."""
        path = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {path}.{self.group}" if self.group else f"{self.verb} {path}"


def judge_rights(who: str, answers: Sequence[tuple[Right, bool]], level: Level) -> list[Finding]:
    """Return each right that *who* lacks; a single ok if there is none."""
    missing = [right for right, is_allowed in answers if not is_allowed]
    if not missing:
        return [Finding("ok", f"{who} may do all that is needed")]
    return [
        Finding(
            level,
            f"{who} may not {right}: {right.purpose}",
            "add the rule to the Role or ClusterRole",
        )
        for right in missing
    ]


def judge_workload(workload: Mapping[str, Any]) -> list[Finding]:
    """Return what keeps *workload* from being Ready."""
    metadata, status = workload["metadata"], workload.get("status") or {}
    name = f"{metadata['namespace']}/{metadata['name']}"
    if since := metadata.get("deletionTimestamp"):
        left = ", ".join(metadata.get("finalizers") or ()) or "its children"
        return [Finding("warn", f"{name} is being removed (since {since})", f"it waits for {left}")]
    if not is_observed(workload):
        return [
            Finding(
                "FAIL",
                f"{name}: the operator has not acted upon the newest spec",
                "check that it runs, leads, and serves this namespace (MCPWORKLOAD_NAMESPACES)",
            )
        ]
    found = [
        _about(metadata, condition)
        for condition in status.get("conditions") or ()
        # The cause is another finding: the spec is not accepted.
        if condition["status"] != "True"
        and condition["reason"] != "NotAccepted"
        and not _is_as_asked_for(condition, workload["spec"])
    ]
    # The first condition with a message is the cause; the same message after it only follows.
    result = list(dict.fromkeys(found))
    if restarts := status.get("restarts"):
        words = f"{name}: {restarts} unexpected exits so far"
        result.append(Finding("warn", words, f"mcpworkload logs {name} --previous"))
    return result or [Finding("ok", f"{name} is ready")]


def _is_as_asked_for(condition: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    """Return whether *condition* is about isolation that no part of the profile is about."""
    profile = spec.get("permissionProfile") or {}
    has_rules = not {"network", "builtin", "configMapKeyRef"}.isdisjoint(profile)
    return condition["reason"] == "NotRequested" and not has_rules


def is_observed(workload: Mapping[str, Any]) -> bool:
    """Return whether the status is about the newest spec."""
    observed = (workload.get("status") or {}).get("observedGeneration", -1)
    return bool(observed >= workload["metadata"].get("generation", 0))


def _about(metadata: Mapping[str, Any], condition: Mapping[str, Any]) -> Finding:
    name, namespace, reason = metadata["name"], metadata["namespace"], condition["reason"]
    return Finding(
        "warn" if reason in _NO_FAILURE else "FAIL",
        f"{namespace}/{name}: {reason}: {condition['message']}",
        advice_for(reason, name, namespace),
    )


def folded(unseen: Sequence[str]) -> list[Finding]:
    """Return one finding for all that the user's rights do not cover; an admin can examine it."""
    if not unseen:
        return []
    words = f"you have no right to read {', '.join(unseen)}"
    return [Finding("warn", words, "ask an admin of the cluster to run mcpworkload doctor")]


def utc_now() -> datetime:
    """Return the time, as Leases have it."""
    return datetime.now(UTC)
