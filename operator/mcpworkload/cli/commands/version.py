"""The command `version`."""

import sys
from typing import TYPE_CHECKING

import click

from mcpworkload import __version__
from mcpworkload.api.names import API_VERSION
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, operator_namespace_option, output_option
from mcpworkload.cli.output import write_data

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster


@click.command()
@click.option(
    "--client", is_flag=True, help="Only the version of the command line; ask no cluster."
)
@operator_namespace_option
@output_option("json", "yaml")
@cluster_options
def version(
    invocation: Invocation, client: bool, operator_namespace: str, output: str | None
) -> None:
    """Print the versions of the command line, the cluster, its CRD and its operator."""
    found = {"mcpworkload": __version__, "python": sys.version.partition(" ")[0]}
    if not client:
        found |= invocation.run(lambda cluster: _versions(cluster, operator_namespace))
    if output:
        write_data(found, output)
    else:
        click.echo("\n".join(f"{name} {number}" for name, number in found.items()))


async def _versions(cluster: "Cluster", operator_namespace: str) -> dict[str, str]:
    """Return what is installed in the cluster; a word where that cannot be read."""
    from mcpworkload.api.spec import WorkloadSpec
    from mcpworkload.cli.findings import judge_fields
    from mcpworkload.runtime import RightsMissing, WorkloadError

    found = {"kubernetes": (await cluster.read("/version"))["gitVersion"]}
    try:
        served = await cluster.read(f"/openapi/v3/apis/{API_VERSION}")
        known = frozenset(WorkloadSpec.model_json_schema(by_alias=True)["properties"])
        found["crd"] = f"{API_VERSION}: {judge_fields(served, known).what}"
    except WorkloadError:
        found["crd"] = "not installed"
    try:
        items = await cluster.operators(operator_namespace)
        pod = items[0]["spec"]["template"]["spec"] if items else None
        found["operator"] = pod["containers"][0]["image"] if pod else "not installed"
    except RightsMissing:
        found["operator"] = f"unknown: no right to list deployments in {operator_namespace}"
    return found


COMMAND = version
