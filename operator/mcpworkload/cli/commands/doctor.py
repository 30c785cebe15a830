"""What is wrong with the installation, or with one workload."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from mcpworkload.cli.codes import Failure
from mcpworkload.cli.completion import complete_namespaces, complete_workloads
from mcpworkload.cli.findings import (
    Finding,
    Right,
    in_order,
    is_observed,
    judge_bridge,
    judge_deployments,
    judge_fields,
    judge_lease,
    judge_rights,
    judge_workload,
    utc_now,
    variables_of,
)
from mcpworkload.cli.options import cluster_options, output_option
from mcpworkload.cli.output import clean, console, write_data
from mcpworkload.cli.session import Session
from mcpworkload.names import API_VERSION, GROUP, LEASE_NAME, PLURAL

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

OPERATOR_NAMESPACE: Final = "mcpworkload-system"
_OPERATOR: Final = "mcpworkload-operator"
_LABEL: Final = "app.kubernetes.io/name=mcpworkload"
# Of the operator's rules those without which nothing works; deploy/base has all of them.
_OPERATORS: Final = (
    Right("watch", GROUP, PLURAL, "it does not see workloads"),
    Right("patch", GROUP, PLURAL, "it cannot say how workloads are", "status"),
    Right("patch", "apps", "statefulsets", "it cannot run anything"),
    Right("patch", "", "services", "nobody finds the servers"),
    Right("watch", "", "pods", "it does not see how servers are"),
    Right("create", "events.k8s.io", "events", "it cannot tell what happened"),
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
_OURS: Final = (
    Right("list", GROUP, PLURAL, "list"),
    Right("watch", GROUP, PLURAL, "wait"),
    Right("patch", GROUP, PLURAL, "run, stop, start, restart"),
    Right("delete", GROUP, PLURAL, "rm"),
    Right("list", "", "pods", "rm, logs, tools, call"),
    Right("get", "", "pods", "logs", "log"),
    Right("create", "", "pods", "tools, call", "portforward"),
    Right("create", "", "pods", "attach", "attach"),
)


@click.command()
@click.argument("workload", metavar="[NAME]", required=False, shell_complete=complete_workloads)
@click.option(
    "--operator-namespace",
    default=OPERATOR_NAMESPACE,
    show_default=True,
    shell_complete=complete_namespaces,
    help="Where the operator is installed.",
)
@output_option("json", "yaml")
@cluster_options
def doctor(
    session: Session, workload: str | None, operator_namespace: str, output: str | None
) -> None:
    """
    Say what is wrong with the installation, or with one workload.

    What most likely is the cause comes first. Nothing is changed. The exit code is 1 if something
    is wrong.
    """
    findings = session.run(lambda cluster: _examine(cluster, workload, operator_namespace))
    if output is not None:
        write_data(findings, output)
    else:
        _write(findings)
    failed = sum(finding.level == "FAIL" for finding in findings)
    if failed:
        raise Failure(f"{failed} of {len(findings)} findings say that something is wrong")


def _write(findings: list[Finding]) -> None:
    from rich.text import Text

    out = console()
    styles = {"FAIL": "bold red", "warn": "yellow", "ok": "green"}
    for finding in findings:
        line = Text(f"{finding.level:<5}", style=styles[finding.level])
        line.append(clean(finding.what), style="not bold default")
        out.print(line, soft_wrap=True)
        if finding.advice:
            out.print(Text(f"     -> {clean(finding.advice)}"), soft_wrap=True)


@dataclass(frozen=True)
class _Places:
    """The namespaces that are looked at: the operator's, and that of the workloads."""

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
    for words, look in _LOOKS:
        installation += await _looked(words, look, cluster, places)
    if workload is None:
        return in_order(installation)
    body = await (await cluster.find(workload)).read()
    own = judge_workload(body)
    # A status that is up to date shows that the operator works: the cause lies elsewhere.
    both = [*own, *installation] if is_observed(body) else [*installation, *own]
    return in_order(both)


Look = Callable[["Cluster", _Places], Awaitable[list[Finding]]]


async def _looked(words: str, look: Look, cluster: "Cluster", places: _Places) -> list[Finding]:
    """What *look* finds; that it could not look is a finding, too."""
    from mcpworkload.runtime import RightsMissing, WorkloadError

    try:
        return await look(cluster, places)
    except RightsMissing as error:
        return [_cannot(words, error, "warn")]
    except WorkloadError as error:
        return [_cannot(words, error, "FAIL")]


def _cannot(what: str, error: RuntimeError, level: Any) -> Finding:
    message = getattr(error, "message", str(error))
    return Finding(level, f"could not {what}: {message}", getattr(error, "advice", ""))


async def _crd(cluster: "Cluster", places: _Places) -> list[Finding]:
    del places
    from mcpworkload.models import WorkloadSpec

    await cluster.read(f"/apis/{API_VERSION}")
    served = await cluster.read(f"/openapi/v3/apis/{API_VERSION}")
    known = frozenset(WorkloadSpec.model_json_schema(by_alias=True)["properties"])
    return [judge_fields(served, known)]


async def _deployments(cluster: "Cluster", places: _Places) -> list[dict[str, Any]]:
    """The operator's Deployment, or what else carries its label."""
    path = f"/apis/apps/v1/namespaces/{places.operator}/deployments"
    found: list[dict[str, Any]] = (await cluster.read(path, {"labelSelector": _LABEL}))["items"]
    return [item for item in found if item["metadata"]["name"] == _OPERATOR] or found


async def _operator(cluster: "Cluster", places: _Places) -> list[Finding]:
    deployments = await _deployments(cluster, places)
    found = [judge_deployments(deployments, places.operator)]
    return found + (judge_bridge(variables_of(deployments[0])) if deployments else [])


async def _leader(cluster: "Cluster", places: _Places) -> list[Finding]:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{places.operator}/leases/{LEASE_NAME}"
    return [judge_lease(await cluster.read(path), utc_now())]


async def _operators_rights(cluster: "Cluster", places: _Places) -> list[Finding]:
    user = f"system:serviceaccount:{places.operator}:{_OPERATOR}"
    where = places.workloads
    answers = [(right, await _may(cluster, right, where, user)) for right in _OPERATORS]
    found = judge_rights("the operator", answers, "FAIL")
    deployments = await _deployments(cluster, places)
    if not deployments or variables_of(deployments[0]).get("MCPWORKLOAD_ATTACH") == "denied":
        return found
    attaching = [(right, await _may(cluster, right, where, user)) for right in _ATTACHING]
    missing = [answer for answer in attaching if not answer[1]]
    return found + (judge_rights("the operator", missing, "warn") if missing else [])


async def _our_rights(cluster: "Cluster", places: _Places) -> list[Finding]:
    where = places.workloads
    answers = [(right, await _may(cluster, right, where)) for right in _OURS]
    return judge_rights("you", answers, "warn")


async def _may(cluster: "Cluster", right: Right, namespace: str, user: str = "") -> bool:
    """Whether *user*, else whoever asks, has *right* in *namespace*."""
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
    ("see the CRD", _crd),
    ("see the operator", _operator),
    ("see who leads", _leader),
    ("ask for the operator's rights", _operators_rights),
    ("ask for your rights", _our_rights),
)

COMMANDS = {"doctor": doctor}
