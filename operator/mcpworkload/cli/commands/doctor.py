"""The command `doctor`: what is wrong with the installation, or with one workload."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from mcpworkload.api.names import API_VERSION, GROUP, LEASE_NAME, PLURAL
from mcpworkload.cli.candidates import complete_workloads
from mcpworkload.cli.codes import Failure
from mcpworkload.cli.findings import (
    Finding,
    Right,
    folded,
    in_order,
    is_observed,
    judge_bridge,
    judge_deployments,
    judge_fields,
    judge_isolation,
    judge_lease,
    judge_rights,
    judge_workload,
    utc_now,
    variables_of,
)
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, operator_namespace_option, output_option
from mcpworkload.cli.output import clean, styled, write_data
from mcpworkload.cli.rights import RIGHTS
from mcpworkload.cli.words import in_our_words

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

# The operator's rules without which nothing works; deploy/base has all of them.
_OPERATORS: Final = (
    Right("watch", GROUP, PLURAL, "it does not notice workloads"),
    Right("patch", GROUP, PLURAL, "it cannot report the state of workloads", "status"),
    Right("patch", "apps", "statefulsets", "it cannot run anything"),
    Right("patch", "", "services", "clients cannot find the servers"),
    Right("watch", "", "pods", "it does not notice the state of servers"),
    Right("create", "events.k8s.io", "events", "it cannot report Events"),
)
# Without these no workload is isolated.
_ISOLATING: Final = (
    Right("patch", "networking.k8s.io", "networkpolicies", "no workload can be isolated"),
    Right("patch", "apps", "deployments", "isolated workloads have no egress proxy"),
)
# Without these a stdio server needs a command; an installation may want it so.
_ATTACHING: Final = tuple(
    Right(verb, group, resource, "stdio servers without a command are refused", subresource)
    for verb, group, resource, subresource in (
        ("patch", "", "serviceaccounts", ""),
        ("patch", "rbac.authorization.k8s.io", "roles", ""),
        ("patch", "rbac.authorization.k8s.io", "rolebindings", ""),
        ("create", "", "pods", "attach"),
    )
)


def _ours() -> tuple[Right, ...]:
    """Return the rights that the commands need in a workload's namespace, and which commands."""
    users: dict[tuple[str, str, str, str], list[str]] = {}
    for command, rules in RIGHTS.items():
        for rule in rules:
            resource, _, subresource = rule.resource.partition("/")
            # A rule for another namespace, or one that may be missing, is no fault.
            for verb in () if rule.where else rule.verbs:
                key = (verb, rule.group, resource, subresource)
                users.setdefault(key, []).append(command)
    return tuple(
        Right(verb, group, resource, ", ".join(dict.fromkeys(commands)), subresource)
        for (verb, group, resource, subresource), commands in users.items()
    )


@click.command()
@click.argument("workload", metavar="[NAME]", required=False, shell_complete=complete_workloads)
@operator_namespace_option
@output_option("json", "yaml")
@cluster_options
def doctor(
    invocation: Invocation, workload: str | None, operator_namespace: str, output: str | None
) -> None:
    """
    Report what is wrong with the installation, or with one workload.

    The most likely cause comes first. Nothing is changed. The exit code is 1 if something is wrong.
    """
    findings = invocation.run(lambda cluster: _examine(cluster, workload, operator_namespace))
    if output is not None:
        write_data(findings, output)
    else:
        _write(findings)
    failed = sum(finding.level == "FAIL" for finding in findings)
    if failed:
        raise Failure(f"{failed} of {len(findings)} findings are failures")


def _write(findings: list[Finding]) -> None:
    styles: dict[str, dict[str, Any]] = {
        "FAIL": {"fg": "red", "bold": True},
        "warn": {"fg": "yellow"},
        "ok": {"fg": "green"},
    }
    for finding in findings:
        level = styled(f"{finding.level:<5}", **styles[finding.level])
        click.echo(f"{level}{clean(finding.what)}", color=True)
        if finding.advice:
            click.echo(f"     -> {clean(finding.advice)}")


@dataclass(frozen=True)
class _Places:
    """The namespaces to examine: the operator's, and that of the workloads."""

    operator: str
    workloads: str


async def _examine(
    cluster: "Cluster", workload: str | None, operator_namespace: str
) -> list[Finding]:
    given, separator, _ = (workload or "").partition("/")
    places = _Places(operator_namespace, given if separator else cluster.namespace)
    try:
        version = (await cluster.read("/version"))["gitVersion"]
    except RuntimeError as error:
        return [_cannot("reach the cluster", error, "FAIL")]
    installation = [Finding("ok", f"Kubernetes {version} answers")]
    unseen: list[str] = []
    for words, look in _LOOKS:
        installation += await _looked(words, look, cluster, places, unseen)
    installation += folded(unseen)
    if workload is None:
        return in_order(installation)
    body = await (await cluster.find(workload)).read()
    own = judge_workload(body)
    if all(finding.level != "FAIL" for finding in own):
        own += await _verified(cluster, workload)
    # A status that is up to date shows that the operator works: the cause lies elsewhere.
    both = [*own, *installation] if is_observed(body) else [*installation, *own]
    return in_order(both)


async def _verified(cluster: "Cluster", workload: str) -> list[Finding]:
    """Return what is wrong with the server's answers; nothing where it cannot be reached."""
    from mcpworkload.cli.mcp_client import forwarded
    from mcpworkload.cli.verifying import ask, complaint
    from mcpworkload.runtime import WorkloadError

    info = await cluster.runtime.get_workload_info(workload)
    body = await (await cluster.find(workload)).read()
    if not info.url:
        return []
    try:
        async with forwarded(cluster, info) as forward:
            finding = await ask(forward, body)
    except WorkloadError:
        # No pod is ready, or the caller may not reach one; another finding reports that.
        return []
    if words := complaint(finding):
        advice = f"mcpworkload verify {info.id} prints what was asked and what came back"
        return [Finding("FAIL", f"{info.id}: {words}", advice)]
    how = "as an MCP server does" if finding.is_ok else "and wants credentials"
    return [Finding("ok", f"{info.id} answers {how}")]


Look = Callable[["Cluster", _Places], Awaitable[list[Finding]]]


async def _looked(
    words: str, look: Look, cluster: "Cluster", places: _Places, unseen: list[str]
) -> list[Finding]:
    """Return what *look* finds; its failure is a finding, or is added to *unseen*."""
    from mcpworkload.runtime import RightsMissing, WorkloadError

    try:
        return await look(cluster, places)
    except RightsMissing:
        unseen.append(words)
        return []
    except WorkloadError as error:
        return [_cannot(f"see {words}", error, "FAIL")]


def _cannot(what: str, error: RuntimeError, level: Any) -> Finding:
    message = in_our_words(getattr(error, "message", str(error)))
    advice = in_our_words(getattr(error, "advice", ""))
    return Finding(level, f"could not {what}: {message}", advice)


async def _crd(cluster: "Cluster", places: _Places) -> list[Finding]:
    del places
    from mcpworkload.api.spec import WorkloadSpec

    await cluster.read(f"/apis/{API_VERSION}")
    served = await cluster.read(f"/openapi/v3/apis/{API_VERSION}")
    known = frozenset(WorkloadSpec.model_json_schema(by_alias=True)["properties"])
    return [judge_fields(served, known)]


async def _operator(cluster: "Cluster", places: _Places) -> list[Finding]:
    deployments = await cluster.operators(places.operator)
    found = [judge_deployments(deployments, places.operator)]
    if not deployments:
        return found
    variables = variables_of(deployments[0])
    return [*found, *judge_bridge(variables), *judge_isolation(variables)]


async def _leader(cluster: "Cluster", places: _Places) -> list[Finding]:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{places.operator}/leases/{LEASE_NAME}"
    return [judge_lease(await cluster.read(path), utc_now())]


async def _operators_rights(cluster: "Cluster", places: _Places) -> list[Finding]:
    from mcpworkload.cli.cluster import OPERATOR

    user = f"system:serviceaccount:{places.operator}:{OPERATOR}"
    where = places.workloads
    answers = [(right, await _may(cluster, right, where, user)) for right in _OPERATORS]
    found = judge_rights("the operator", answers, "FAIL")
    deployments = await cluster.operators(places.operator)
    if not deployments:
        return found
    is_attach_denied = variables_of(deployments[0]).get("MCPWORKLOAD_ATTACH") == "denied"
    wanted = _ISOLATING if is_attach_denied else (*_ISOLATING, *_ATTACHING)
    optional = [(right, await _may(cluster, right, where, user)) for right in wanted]
    missing = [answer for answer in optional if not answer[1]]
    return found + (judge_rights("the operator", missing, "warn") if missing else [])


async def _our_rights(cluster: "Cluster", places: _Places) -> list[Finding]:
    where = places.workloads
    answers = [(right, await _may(cluster, right, where)) for right in _ours()]
    return judge_rights("you", answers, "warn")


async def _may(cluster: "Cluster", right: Right, namespace: str, user: str = "") -> bool:
    """Return whether *user*, or without one the caller, has *right* in *namespace*."""
    kind = "SubjectAccessReview" if user else "SelfSubjectAccessReview"
    attributes = {
        "namespace": namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
    }
    spec = {"resourceAttributes": attributes, **({"user": user} if user else {})}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    path = f"/apis/authorization.k8s.io/v1/{kind.lower()}s"
    answer = await cluster.connection.request("POST", path, body=body)
    return bool(answer["status"]["allowed"])


# In the order in which one thing is the cause of the next.
_LOOKS: Final[tuple[tuple[str, Look], ...]] = (
    ("the CRD", _crd),
    ("the operator", _operator),
    ("its Lease", _leader),
    ("its rights", _operators_rights),
    ("your own rights", _our_rights),
)

COMMAND = doctor
