"""Talking MCP to a workload, by the official client, through a port-forward to one of its pods."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.options import cluster_options, output_option, workload_argument
from mcpworkload.cli.output import clean, write_data, write_table
from mcpworkload.cli.session import Session

if TYPE_CHECKING:
    from mcp import Client

    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.cli.handshake import Endpoint
    from mcpworkload.runtime import ContainerInfo
    from mcpworkload.runtime.portforward import PortForward

CALL_SECONDS = 60.0
replica_option = click.option(
    "--replica", type=click.IntRange(min=0), help="Talk to the pod of this ordinal.  [default: any]"
)


@click.command()
@workload_argument
@replica_option
@output_option("json", "yaml", "name")
@cluster_options
def tools(session: Session, workload: str, replica: int | None, output: str | None) -> None:
    """List the tools that a server offers."""

    async def work(cluster: "Cluster") -> list[dict[str, Any]]:
        async with _talk(cluster, workload, replica) as client:
            return [_data(tool) for tool in (await client.list_tools()).tools]

    found = session.run(work)
    if output in ("json", "yaml"):
        write_data(found, output)
    elif output == "name":
        click.echo("\n".join(tool["name"] for tool in found))
    else:
        rows = ((tool["name"], _summary(tool)) for tool in found)
        write_table(("NAME", "DESCRIPTION"), rows)


@click.command()
@workload_argument
@click.argument("tool")
@click.argument("arguments", nargs=-1, metavar="[KEY=TEXT | KEY:=JSON]...")
@click.option("--json", "document", metavar="JSON|@FILE|@-", help="All arguments as one object.")
@replica_option
@output_option("json", "yaml")
@cluster_options
def call(
    session: Session,
    workload: str,
    tool: str,
    arguments: tuple[str, ...],
    document: str | None,
    replica: int | None,
    output: str | None,
) -> None:
    """
    Call a tool of a server and print its answer.

    The exit code is 1 where the tool says that it failed.

    \b
      mcpworkload call weather forecast city=Oslo days:=3
    """
    words = {**_document(document), **dict(_argument(text) for text in arguments)}

    async def work(cluster: "Cluster") -> dict[str, Any]:
        async with _talk(cluster, workload, replica) as client:
            return _data(await client.call_tool(tool, words))

    result = session.run(work, lambda: "the server may or may not have done it")
    if output is not None:
        write_data(result, output)
    else:
        for part in result.get("content", ()):
            # What is no text is for programs.
            click.echo(part["text"] if part["type"] == "text" else json.dumps(part))
    if result.get("isError"):
        raise Failure(f"{workload}: the tool {tool} says that it failed")


@asynccontextmanager
async def _talk(cluster: "Cluster", workload: str, replica: int | None) -> "AsyncIterator[Client]":
    """A client of one pod of *workload*."""
    from mcpworkload.cli.handshake import endpoint_of

    info = await cluster.runtime.get_workload_info(workload)
    body = await (await cluster.find(info.id)).read()
    if not info.url and info.transport == "stdio":
        problem = f"{info.id}: it is not served over HTTP (transport.stdio.bridge is None)"
        raise Failure(problem, ExitCode.USAGE)
    endpoint = endpoint_of(info.url, body["spec"]["transport"])
    async with forwarded(cluster, info, replica) as forward:
        from mcp import Client

        server = _transport(f"{endpoint.scheme}://127.0.0.1:{forward.port}", endpoint)
        try:
            async with Client(server, read_timeout_seconds=CALL_SECONDS) as client:
                yield client
        except Exception as error:
            # The client's transports raise what they like, in groups of groups.
            raise await _why(info, endpoint, forward, _first(error)) from error


@asynccontextmanager
async def forwarded(
    cluster: "Cluster", info: "ContainerInfo", replica: int | None = None
) -> "AsyncIterator[PortForward]":
    """A port of this machine that leads to the server of one ready pod."""
    from mcpworkload.runtime.portforward import PortForward

    pod = await _ready_pod(cluster, info.namespace, info.name, replica)
    port = info.ports[0].container_port
    async with PortForward(cluster.connection, info.namespace, pod, port).open() as forward:
        yield forward


def _transport(root: str, endpoint: "Endpoint") -> Any:
    """The client's transport to *root*; a certificate there is for another name than ours."""
    import httpx2
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamable_http_client

    from mcpworkload.cli.handshake import unverified

    def make_client(
        headers: dict[str, Any] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers=headers,
            timeout=timeout or httpx2.Timeout(CALL_SECONDS),
            auth=auth,
            follow_redirects=True,
            verify=unverified() if endpoint.is_tls else True,
            trust_env=False,
        )

    if endpoint.speaks_sse:
        return sse_client(f"{root}{endpoint.path}", httpx_client_factory=make_client)
    return streamable_http_client(f"{root}{endpoint.path}", http_client=make_client())


async def _why(
    info: "ContainerInfo", endpoint: "Endpoint", forward: "PortForward", cause: BaseException
) -> Exception:
    """What to raise where talking ended with *cause*: of several reasons the one to act upon."""
    from mcpworkload.cli.handshake import complaint
    from mcpworkload.runtime import WorkloadNotRunning

    if forward.error is not None and not isinstance(forward.error, WorkloadNotRunning):
        return forward.error
    if isinstance(cause, Failure):
        return cause
    words = await complaint(forward.port, endpoint, info.url)
    return Failure(f"{info.id}: {words or clean(str(cause)) or type(cause).__name__}")


async def _ready_pod(cluster: "Cluster", namespace: str, name: str, replica: int | None) -> str:
    from mcpworkload.api.names import WORKLOAD_LABEL
    from mcpworkload.runtime import WorkloadNotRunning
    from mcpworkload.runtime.connection import core_path
    from mcpworkload.runtime.instances import is_ready

    query = {"labelSelector": f"{WORKLOAD_LABEL}={name}"}
    pods = (await cluster.read(core_path("pods", namespace), query))["items"]
    wanted = (
        {f"{name}-{replica}"} if replica is not None else {pod["metadata"]["name"] for pod in pods}
    )
    ready = [
        str(pod["metadata"]["name"])
        for pod in pods
        if pod["metadata"]["name"] in wanted and is_ready(pod)
    ]
    if not ready:
        raise WorkloadNotRunning(
            "no pod is ready" if replica is None else f"pod {name}-{replica} is not ready",
            workload=f"{namespace}/{name}",
            advice=f"mcpworkload doctor {name} -n {namespace}",
        )
    return min(ready)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _data(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def _summary(tool: dict[str, Any]) -> str:
    lines = tool.get("description", "").strip().splitlines()
    return lines[0] if lines else ""


def _argument(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or key in ("", ":"):
        raise Failure(f"{text!r} is no argument: write KEY=TEXT or KEY:=JSON", ExitCode.USAGE)
    if not key.endswith(":"):
        return key, value
    return key[:-1], _parsed(value, key[:-1])


def _document(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if text.startswith("@"):
        try:
            text = sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"--json: it cannot be read: {error}", ExitCode.USAGE) from None
    found = _parsed(text, "--json")
    if not isinstance(found, dict):
        raise Failure("--json: write one object", ExitCode.USAGE)
    return found


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure(f"{where}: {text!r} is not JSON: {error}", ExitCode.USAGE) from None


COMMANDS = {"tools": tools, "call": call}
