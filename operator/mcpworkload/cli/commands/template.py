"""The command `template`: the pod template of a workload, made without the operator."""

import difflib
from typing import Any

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.installation import EGRESS_ADDRESS, installation_options, policy_of
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, output_option
from mcpworkload.cli.output import write_data
from mcpworkload.cli.subject import (
    Subject,
    filename_option,
    find_subject,
    workload_or_file_argument,
)


@click.command()
@workload_or_file_argument
@filename_option
@click.option("--before", is_flag=True, help="The template before podTemplatePatch.")
@click.option("--diff", is_flag=True, help="What podTemplatePatch changes.")
@installation_options
@output_option("json", "yaml")
@cluster_options
def template(
    invocation: Invocation,
    workload: str | None,
    filename: str | None,
    before: bool,
    diff: bool,
    output: str | None,
    installation: dict[str, Any],
) -> None:
    """
    Print the pod template of a workload, as the operator of this version makes it.

    The command computes it by the operator's own code. Of ConfigMaps and Secrets it reads only the
    one with the permission profile, which has to be in the same file where -f is given;
    GATE-ADDRESS and EGRESS-ADDRESS stand for what only the cluster knows. It reads a file as
    kubectl does. A file that the API server would refuse (an unknown field, a wrong type, a broken
    rule) ends it with exit code 2.
    """
    subject = find_subject(invocation, workload, filename)
    built, patched = _templates(subject, installation, only_built=before and not diff)
    if diff:
        click.echo("".join(_difference(built, patched)), nl=False)
    else:
        write_data(built if before else patched, output or "yaml")


def _templates(
    subject: Subject, installation: dict[str, Any], *, only_built: bool
) -> tuple[Any, Any]:
    """Return the template before the patch and the final one, for that *installation*."""
    from mcpworkload.api.workload import Workload
    from mcpworkload.controller.desired import Surroundings, build_draft
    from mcpworkload.controller.desired.grants import resolve_grants
    from mcpworkload.controller.desired.pod import build_pod_template
    from mcpworkload.kube.errors import ExplainedError

    policy = policy_of(installation)
    surroundings = Surroundings(profile=subject.profile, proxy_address=EGRESS_ADDRESS)
    try:
        parsed = Workload.parse(subject.body)
        grants = resolve_grants(parsed, policy, surroundings)
        built = build_pod_template(parsed, policy, grants)
        # An error of the patch must not hide the template that it works on.
        return built, None if only_built else build_draft(parsed, policy, surroundings).template
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
