"""The MCPWorkload that a command computes with: one of the cluster, or of a file."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mcpworkload.cli.candidates import complete_workloads
from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.invocation import Invocation

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

workload_or_file_argument = click.argument(
    "workload", metavar="[NAME]", required=False, shell_complete=complete_workloads
)
filename_option = click.option(
    "-f",
    "--filename",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Read the MCPWorkload from a file, or from - for standard input; ask no cluster.",
)


@dataclass(frozen=True)
class Subject:
    """A workload, with what its template depends on beside its spec."""

    body: dict[str, Any]
    #: The text of the permission profile in a ConfigMap; None where the spec names none.
    profile: str | None = None


def find_subject(invocation: Invocation, workload: str | None, filename: str | None) -> Subject:
    """
    Return the workload of that name, or the one of the file.

    Raises:
        UsageError: both are given, or none.
        Failure: the file is refused, or lacks the ConfigMap with the profile.
    """
    if (workload is None) == (filename is None):
        raise click.UsageError("name a workload, or a file with -f")
    if filename is not None:
        return _from_file(filename, invocation.target.namespace)

    async def work(cluster: "Cluster") -> Subject:
        body = await (await cluster.find(cast("str", workload))).read()
        return await with_profile(cluster, body)

    return invocation.run(work)


async def with_profile(cluster: "Cluster", body: dict[str, Any]) -> Subject:
    """Return the workload in *body* with its profile, where a ConfigMap of the cluster has that."""
    from mcpworkload.kube.paths import core_path
    from mcpworkload.runtime import WorkloadNotFound

    reference = _reference(body)
    if reference is None:
        return Subject(body)
    path = core_path("configmaps", body["metadata"]["namespace"], reference["name"])
    try:
        found = await cluster.read(path)
    except WorkloadNotFound:
        # The operator's words about what is missing are those of the library.
        return Subject(body)
    return Subject(body, (found.get("data") or {}).get(reference["key"]))


def _reference(body: Mapping[str, Any]) -> Mapping[str, str] | None:
    profile = body["spec"].get("permissionProfile") or {}
    return cast("Mapping[str, str] | None", profile.get("configMapKeyRef"))


def _from_file(filename: str, namespace: str | None) -> Subject:
    """Return the one MCPWorkload of a file, as the API server would take it."""
    from mcpworkload.cli.offline.admission import NotAdmittedError, admit, is_workload
    from mcpworkload.cli.offline.reader import Reader

    try:
        text = sys.stdin.read() if filename == "-" else Path(filename).read_text(encoding="utf-8")
        reader = Reader(text)
        objects = list(reader.objects())
    except (OSError, ValueError) as error:
        raise Failure(f"{filename} cannot be read: {error}", ExitCode.USAGE) from None
    found = [item for item in objects if is_workload(item)]
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
    return Subject(body, _profile_among(objects, body, filename))


def _profile_among(
    objects: Sequence[dict[str, Any]], body: Mapping[str, Any], filename: str
) -> str | None:
    """Return the profile that *body* refers to, from a ConfigMap of the same file."""
    reference = _reference(body)
    if reference is None:
        return None
    name, key = reference["name"], reference["key"]
    for item in objects:
        metadata = item.get("metadata") or {}
        if item.get("kind") == "ConfigMap" and metadata.get("name") == name:
            text = (item.get("data") or {}).get(key)
            if isinstance(text, str):
                return text
    raise Failure(
        f"spec.permissionProfile.configMapKeyRef: {filename} has no ConfigMap {name} with the key "
        f"{key}; add it to the file",
        ExitCode.USAGE,
    )
