"""The command `verify`: what a server answers now, pod by pod, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from mcpworkload.cli.advice import advice_for
from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.headers import headers_option
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import (
    cluster_options,
    output_option,
    replica_option,
    workload_argument,
)
from mcpworkload.cli.output import clean, styled, write_data

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.kube.objects import Pod
    from mcpworkload.runtime import ContainerInfo, ServerInfo
    from mcpworkload.verification.finding import Step

_AT_ONCE: Final = 8
_OK: Final = "HandshakeOk"
_NOT_RUNNING: Final = "NotRunning"


@dataclass(frozen=True)
class PodReport:
    """What came of the verification of one pod."""

    pod: str
    #: A reason of the condition Verified, or NotRunning.
    result: str
    message: str
    server: "ServerInfo | None" = None
    steps: "tuple[Step, ...]" = ()


@dataclass(frozen=True)
class Condition:
    """The condition Verified: what the operator says."""

    status: str
    reason: str
    message: str


@dataclass(frozen=True)
class Report:
    """All that the command has to say."""

    id: str
    pods: list[PodReport]
    #: None while the operator does not verify the workload.
    condition: Condition | None


@click.command()
@workload_argument
@replica_option
@headers_option
@output_option("json", "yaml")
@cluster_options
def verify(
    invocation: Invocation,
    workload: str,
    replica: int | None,
    headers: dict[str, str],
    output: str | None,
) -> None:
    """
    Ask each pod of a server, ready or not, whether it is an MCP server, and print what it answers.

    The requests are those by which the operator verifies servers, through a port-forward. That
    ends at the pod's 127.0.0.1: a server that listens there alone answers here, and nowhere else.
    The exit code is 4 unless each pod answers as an MCP server does.

    \b
      mcpworkload verify weather
      mcpworkload verify weather --header "Authorization: Bearer $TOKEN"
    """
    report = invocation.run(lambda cluster: _examine(cluster, workload, replica, headers))
    if output is not None:
        write_data(report, output)
    else:
        _write(report)
    wrong = sum(answer.result != _OK for answer in report.pods)
    if wrong:
        words = f"{report.id}: {wrong} of {len(report.pods)} pods did not answer as an MCP server"
        raise Failure(words, ExitCode.NOT_READY)


async def _examine(
    cluster: "Cluster", workload: str, replica: int | None, headers: Mapping[str, str]
) -> Report:
    import asyncio

    from mcpworkload.cli.mcp_client import served
    from mcpworkload.runtime import WorkloadNotRunning

    info, body = await served(cluster, workload)
    pods = await cluster.pods(info.id, replica)
    if not pods:
        words = "it has no pods" if replica is None else f"there is no pod {info.name}-{replica}"
        raise WorkloadNotRunning(words, workload=info.id)
    turn = asyncio.Semaphore(_AT_ONCE)

    async def examine(pod: "Pod") -> PodReport:
        async with turn:
            return await _examine_pod(cluster, info, body, pod, headers)

    return Report(info.id, await asyncio.gather(*map(examine, pods)), _condition_of(body))


async def _examine_pod(
    cluster: "Cluster",
    info: "ContainerInfo",
    body: Mapping[str, Any],
    pod: "Pod",
    headers: Mapping[str, str],
) -> PodReport:
    from mcpworkload.cli.verifying import ask, server_info

    name = pod.metadata.name
    if not any(container.state.running for container in pod.containers):
        return PodReport(name, _NOT_RUNNING, _why_not_running(pod))
    port = info.ports[0].container_port
    async with cluster.forward(info.namespace, name, port) as forward:
        finding = await ask(forward, body, headers)
    server = None if finding.server is None else server_info(finding.server)
    return PodReport(name, str(finding.result), finding.message, server, finding.steps)


def _why_not_running(pod: "Pod") -> str:
    waiting = [state.waiting.reason for each in pod.containers if (state := each.state).waiting]
    reason = next(filter(None, waiting), "") or pod.status.reason or pod.status.phase
    return f"none of its containers runs ({reason})" if reason else "none of its containers runs"


def _condition_of(body: Mapping[str, Any]) -> Condition | None:
    for each in (body.get("status") or {}).get("conditions") or ():
        if each["type"] == "Verified":
            return Condition(each["status"], each["reason"], each["message"])
    return None


def _write(report: Report) -> None:
    for answer in report.pods:
        click.echo(styled(answer.pod, bold=True), color=True)
        for step in answer.steps:
            milliseconds = f"{step.seconds * 1000:.0f} ms"
            click.echo(f"  {clean(step.asked)} -> {clean(step.answered)}  ({milliseconds})")
        colour = "green" if answer.result == _OK else "red"
        words = f"  {styled(answer.result, fg=colour)}: {clean(_summary(answer))}"
        click.echo(words, color=True)
    _write_condition(report)


def _summary(answer: PodReport) -> str:
    """Return the message, or who answered."""
    from mcpworkload.cli.workload_table import identity_of

    server = answer.server
    if server is None:
        return answer.message
    parts = [
        identity_of(server) or "a server without a name",
        f"{server.era}, {server.protocol_version}".removesuffix(", "),
    ]
    if server.tools_count is not None:
        parts.append(f"{server.tools_count} tools {server.tools_digest}".rstrip())
    return "; ".join(parts)


def _write_condition(report: Report) -> None:
    condition = report.condition
    if condition is None:
        click.echo("the operator says nothing: it does not verify this workload")
        return
    message = f": {condition.message}" if condition.message else ""
    click.echo(clean(f"the operator says Verified={condition.status}, {condition.reason}{message}"))
    # What a pod has answered here says more than any advice.
    if condition.status != "True" and condition.reason not in {pod.result for pod in report.pods}:
        namespace, _, name = report.id.partition("/")
        click.echo(f"     -> {advice_for(condition.reason, name, namespace)}")


COMMAND = verify
