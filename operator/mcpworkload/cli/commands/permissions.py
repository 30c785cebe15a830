"""The command `permissions`: what a permission profile allows, and what it becomes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from mcpworkload.api.names import API_VERSION, EGRESS_SUFFIX, KIND
from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.installation import EGRESS_ADDRESS, installation_options, policy_of
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, output_option
from mcpworkload.cli.output import clean, styled, write_data
from mcpworkload.cli.profile_option import FORMS, complete_profile, read_profile
from mcpworkload.cli.subject import (
    Subject,
    filename_option,
    find_subject,
    with_profile,
    workload_or_file_argument,
)

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.cli.permission_words import Explanation

# What a profile, and not the rest of a workload, decides about.
_KINDS: Final = ("NetworkPolicy", "Deployment", "StatefulSet")


@dataclass(frozen=True)
class _Shown:
    """What is printed: the sentences, and the objects that enforce them."""

    allows: tuple[str, ...]
    limits: tuple[str, ...]
    objects: tuple[dict[str, Any], ...] = ()


@click.group()
def permissions() -> None:
    """Explain permission profiles."""


@permissions.command()
@workload_or_file_argument
@filename_option
@click.option(
    "--profile",
    metavar=FORMS,
    shell_complete=complete_profile,
    help="Explain this profile, of no workload.",
)
@click.option("--isolate-network", is_flag=True, help="With --profile: enforce its network part.")
@installation_options
@output_option("json", "yaml")
@cluster_options
def explain(
    invocation: Invocation,
    workload: str | None,
    filename: str | None,
    profile: str | None,
    isolate_network: bool,
    installation: dict[str, Any],
    output: str | None,
) -> None:
    """
    Print what a permission profile allows, in sentences and as the objects that it becomes.

    It is that of a workload, of the MCPWorkload in a file (a ConfigMap with the profile has to be
    in the same file), or of --profile. The objects are computed by the operator's own code; -o
    prints them whole. GATE-ADDRESS and EGRESS-ADDRESS stand for what only the cluster knows. The
    exit code is 2 where the installation refuses the profile.

    \b
      mcpworkload permissions explain weather
      mcpworkload permissions explain -f weather.yaml -o yaml
      mcpworkload permissions explain --profile profile.json --isolate-network
    """
    if profile is None:
        if isolate_network:
            raise click.UsageError("--isolate-network goes with --profile")
        subject = find_subject(invocation, workload, filename)
    elif workload is None and filename is None:
        subject = _profile_alone(invocation, profile, is_isolated=isolate_network)
    else:
        raise click.UsageError("name a workload, a file with -f, or a profile with --profile")
    shown, refusal = _explained(subject, installation)
    if output is not None:
        write_data(shown, output)
    else:
        _write(shown)
    if refusal:
        raise Failure(refusal, ExitCode.USAGE)


def _profile_alone(invocation: Invocation, text: str, *, is_isolated: bool) -> Subject:
    """Return a workload that has the profile and nothing else."""
    profile = read_profile(text, "--profile").to_spec()
    spec = {"image": "image", "transport": {"type": "streamable-http"}}
    permissions = {"permissionProfile": profile, "isolateNetwork": is_isolated}
    body: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "server", "namespace": invocation.target.namespace or "default"},
        "spec": {**spec, **permissions},
    }
    if "configMapKeyRef" not in profile:
        return Subject(body)

    async def work(cluster: "Cluster") -> Subject:
        body["metadata"]["namespace"] = cluster.namespace
        return await with_profile(cluster, body)

    return invocation.run(work)


def _explained(subject: Subject, installation: dict[str, Any]) -> tuple[_Shown, str]:
    """Return what to print, and why the operator makes no objects; empty if it makes them."""
    from mcpworkload.api.profiles import resolve_profile
    from mcpworkload.api.workload import Workload
    from mcpworkload.cli.permission_words import explain as explained
    from mcpworkload.kube.errors import ExplainedError

    try:
        parsed = Workload.parse(subject.body)
        profile = resolve_profile(parsed.spec.permission_profile, subject.profile)
    except ExplainedError as error:
        raise Failure(str(error), ExitCode.USAGE) from None
    explanation: Explanation = explained(profile, parsed.spec.isolate_network)
    try:
        objects = _objects(parsed, subject.profile, installation)
    except ExplainedError as error:
        return _Shown(explanation.allows, explanation.limits), str(error)
    return _Shown(explanation.allows, explanation.limits, objects), ""


def _objects(
    workload: Any, profile: str | None, installation: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    """Return the manifests that the profile decides about."""
    from mcpworkload.controller.deny_policies import build_deny_policy
    from mcpworkload.controller.desired import Surroundings, build_children, build_draft

    policy = policy_of(installation)
    surroundings = Surroundings(profile=profile, proxy_address=EGRESS_ADDRESS)
    draft = build_draft(workload, policy, surroundings)
    children = build_children(workload, policy, draft.template, draft.grants)
    egress = f"{workload.name}{EGRESS_SUFFIX}"
    chosen = [child for child in children if child.id.kind in _KINDS or child.id.name == egress]
    if workload.spec.isolate_network:
        chosen.insert(0, build_deny_policy(workload.namespace))
    return tuple(child.manifest for child in chosen)


def _write(shown: _Shown) -> None:
    _write_list("It allows", shown.allows)
    _write_list("What no cluster enforces, and what else counts", shown.limits)
    objects = [f"{item['kind']} {item['metadata']['name']}" for item in shown.objects]
    _write_list("It becomes (-o yaml has them whole)", objects)


def _write_list(title: str, lines: "tuple[str, ...] | list[str]") -> None:
    if not lines:
        return
    click.echo(styled(f"{title}:", bold=True), color=True)
    for line in lines:
        click.echo(f"  - {clean(line)}")


COMMAND = permissions
