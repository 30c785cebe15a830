"""The command `connect`: a port of this machine that leads to a workload."""

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.clients import CLIENTS, Client, command_entry, config_of, url_entry
from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.endpoint import is_sse
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, workload_argument
from mcpworkload.cli.output import clean
from mcpworkload.cli.target import Target

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

# Below the ports that systems give to programs that ask for any.
_FIRST_PORT, _PORTS = 20_000, 10_000


@click.command()
@workload_argument
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="The port of this machine; 0 for any.  [default: one that stays the same for NAME]",
)
@click.option(
    "--print-config",
    "client",
    type=click.Choice(CLIENTS),
    help="Print the entry for this client's configuration, and end.",
)
@cluster_options
def connect(invocation: Invocation, workload: str, port: int | None, client: Client | None) -> None:
    """
    Forward a port of this machine to a server, until Ctrl-C or the removal of NAME.

    The forward outlives restarts of pods, rollouts and outages of the API server: a new connection
    waits up to 30 s for a pod that is ready. Prints the URL on standard output, and what happens on
    standard error. There is no sign-in: every program of this machine can use the server.

    \b
      mcpworkload connect weather
      mcpworkload connect weather --print-config claude
    """

    async def work(cluster: "Cluster") -> None:
        found = await (await cluster.find(workload)).read()
        key = f"{found['metadata']['namespace']}/{found['metadata']['name']}"
        if client is not None:
            config = _config(client, found, key, port, invocation.target)
            click.echo(json.dumps(config, indent=2))
        else:
            await _forward(cluster, key, port)

    invocation.follow(work)


async def _forward(cluster: "Cluster", key: str, port: int | None) -> None:
    from mcpworkload.runtime import WorkloadInvalid

    wanted = stable_port(key) if port is None else port
    forward = cluster.runtime.forward_to_workload(key, port=wanted, callback=_say)
    try:
        await forward.__aenter__()
    except WorkloadInvalid as error:
        if error.fields != ("port",):
            problem = f"{key} is not served over HTTP: use `mcpworkload attach {key}`"
            raise Failure(problem, ExitCode.USAGE) from error
        if port is not None:
            raise Failure(f"--port {port}: {error.message}", ExitCode.USAGE) from error
        _say(f"port {wanted} is taken; using another")
        forward = cluster.runtime.forward_to_workload(key, callback=_say)
        await forward.__aenter__()
    try:
        click.echo(forward.url)
        _say(f"leads to {key}; Ctrl-C ends it")
        if forward.url.startswith("https:"):
            _say("its certificate is for another name than 127.0.0.1: clients may refuse it")
        await forward.wait()
    finally:
        await forward.__aexit__()


def _config(
    client: Client, found: dict[str, Any], key: str, port: int | None, target: Target
) -> dict[str, Any]:
    from mcpworkload.runtime.info import is_served, local_url

    name, transport = found["metadata"]["name"], found["spec"]["transport"]
    if not is_served(found["spec"]):
        # The client starts the command in another folder than this one.
        file = None if target.kubeconfig is None else str(Path(target.kubeconfig).resolve())
        entry = command_entry(client, key, Target(None, target.context, file))
        return config_of(client, name, entry)
    if port == 0:
        raise Failure("--port 0: a configuration needs a port that stays", ExitCode.USAGE)
    wanted = stable_port(key) if port is None else port
    again = "" if port is None else f" --port {port}"
    _say(f"it works while `mcpworkload connect {key}{again}` runs")
    url = local_url(found, wanted)
    return config_of(client, name, url_entry(client, url, speaks_sse=is_sse(transport)))


def stable_port(key: str) -> int:
    """Return a port that is always the same for a workload, so clients are configured once."""
    return _FIRST_PORT + zlib.crc32(key.encode()) % _PORTS


def _say(line: str) -> None:
    click.echo(clean(line), err=True)


COMMAND = connect
