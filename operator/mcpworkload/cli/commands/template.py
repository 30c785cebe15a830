"""The command `template`: the pod template of a workload, made without the operator."""

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mcpworkload.cli.candidates import complete_workloads
from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, output_option
from mcpworkload.cli.output import write_data

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster


@click.command()
@click.argument("workload", metavar="[NAME]", required=False, shell_complete=complete_workloads)
@click.option(
    "-f",
    "--filename",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Read the MCPWorkload from a file, or from - for standard input; ask no cluster.",
)
@click.option("--before", is_flag=True, help="The template before podTemplatePatch.")
@click.option("--diff", is_flag=True, help="What podTemplatePatch changes.")
@click.option(
    "--pod-security",
    type=click.Choice(["restricted", "baseline", "privileged"]),
    default="baseline",
    show_default=True,
    help="What the installation allows (its MCPWORKLOAD_POD_SECURITY).",
)
@click.option(
    "--bridge-image",
    default="mcpworkload-bridge",
    show_default=True,
    help="The image of the bridge (its MCPWORKLOAD_BRIDGE_IMAGE).",
)
@click.option(
    "--bridge-volume",
    type=click.Choice(["copy", "image"]),
    default="copy",
    show_default=True,
    help="How the bridge gets into pods (its MCPWORKLOAD_BRIDGE_VOLUME).",
)
@output_option("json", "yaml")
@cluster_options
def template(
    invocation: Invocation,
    workload: str | None,
    filename: str | None,
    before: bool,
    diff: bool,
    output: str | None,
    **installation: str,
) -> None:
    """
    Print the pod template of a workload, as the operator of this version makes it.

    The command computes it by the operator's own code; it does not read ConfigMaps and Secrets. It
    reads a file as kubectl does. A file that the API server would refuse (an unknown field, a wrong
    type, a broken rule) ends it with exit code 2.
    """
    body = _body(invocation, workload, filename)
    built, patched = _templates(body, installation, only_built=before and not diff)
    if diff:
        click.echo("".join(_difference(built, patched)), nl=False)
    else:
        write_data(built if before else patched, output or "yaml")


def _body(invocation: Invocation, workload: str | None, filename: str | None) -> dict[str, Any]:
    if (workload is None) == (filename is None):
        raise click.UsageError("name a workload, or a file with -f")
    if filename is not None:
        return _from_file(filename, invocation.target.namespace)

    async def work(cluster: "Cluster") -> dict[str, Any]:
        return await (await cluster.find(cast("str", workload))).read()

    return invocation.run(work)


def _from_file(filename: str, namespace: str | None) -> dict[str, Any]:
    """Return the one MCPWorkload of a file, as the API server would take it."""
    from mcpworkload.cli.offline.admission import NotAdmittedError, admit, is_workload
    from mcpworkload.cli.offline.reader import Reader

    try:
        text = sys.stdin.read() if filename == "-" else Path(filename).read_text(encoding="utf-8")
        reader = Reader(text)
        found = [item for item in reader.objects() if is_workload(item)]
    except (OSError, ValueError) as error:
        raise Failure(f"{filename} cannot be read: {error}", ExitCode.USAGE) from None
    for key in reader.doubled:
        click.echo(f"note: {filename} writes {key} twice in one place; the last counts", err=True)
    if len(found) != 1:
        problem = f"{filename} has {len(found)} MCPWorkloads; one with a name is needed"
        raise Failure(problem, ExitCode.USAGE)
    try:
        body = admit(found[0])
    except NotAdmittedError as error:
        raise Failure("\n".join(error.problems), ExitCode.USAGE) from None
    body["metadata"].setdefault("namespace", namespace or "default")
    return body


def _templates(
    body: dict[str, Any], installation: dict[str, str], *, only_built: bool
) -> tuple[Any, Any]:
    """Return the template before the patch and the final one, for that *installation*."""
    from mcpworkload.api.workload import Workload
    from mcpworkload.controller.desired import Policy, build_draft
    from mcpworkload.controller.desired.pod import build_pod_template
    from mcpworkload.controller.settings import BridgeVolume, PodSecurity
    from mcpworkload.kube.errors import ExplainedError

    policy = Policy(
        pod_security=PodSecurity(installation["pod_security"]),
        bridge_image=installation["bridge_image"],
        bridge_volume=BridgeVolume(installation["bridge_volume"]),
    )
    try:
        parsed = Workload.parse(body)
        built = build_pod_template(parsed, policy)
        # An error of the patch must not hide the template that it works on.
        return built, None if only_built else build_draft(parsed, policy).template
    except ExplainedError as error:
        raise Failure(str(error), ExitCode.USAGE) from None


def _difference(built: Any, patched: Any) -> list[str]:
    return list(
        difflib.unified_diff(
            _lines(built), _lines(patched), "before podTemplatePatch", "after podTemplatePatch"
        )
    )


def _lines(template: Any) -> list[str]:
    import yaml

    text: str = yaml.safe_dump(template, sort_keys=True)
    return text.splitlines(keepends=True)


COMMAND = template
