"""The official MCP client, through a port-forward to one pod of a workload."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.output import clean

if TYPE_CHECKING:
    import ssl

    from mcp import Client

    from mcpworkload.cli.cluster import Cluster, Forward
    from mcpworkload.cli.endpoint import Endpoint
    from mcpworkload.runtime import ContainerInfo

CALL_SECONDS = 60.0
replica_option = click.option(
    "--replica", type=click.IntRange(min=0), help="Talk to the pod of this ordinal.  [default: any]"
)


@asynccontextmanager
async def talk(
    cluster: "Cluster", workload: str, replica: int | None, headers: Mapping[str, str]
) -> "AsyncIterator[Client]":
    """Yield a client of one pod of *workload*, which sends *headers*."""
    from mcpworkload.cli.endpoint import endpoint_of

    info, body = await served(cluster, workload)
    endpoint = endpoint_of(info.url, body["spec"]["transport"])
    async with forwarded(cluster, info, replica) as forward:
        from mcp import Client

        root = f"{endpoint.scheme}://127.0.0.1:{forward.port}"
        try:
            async with (
                _transport(root, endpoint, headers) as server,
                Client(server, read_timeout_seconds=CALL_SECONDS) as client,
            ):
                yield client
        except Exception as error:
            # The client's transports raise what they like, in groups of groups.
            raise await _why(info, body, forward, _first(error)) from error


async def served(cluster: "Cluster", workload: str) -> "tuple[ContainerInfo, dict[str, Any]]":
    """
    Return a workload with its MCPWorkload.

    Raises:
        Failure: it is not served over HTTP.
    """
    from mcpworkload.runtime.info import is_served

    info = await cluster.runtime.get_workload_info(workload)
    body = await (await cluster.find(info.id)).read()
    if not is_served(body["spec"]):
        problem = f"{info.id}: it is not served over HTTP (transport.stdio.bridge is None)"
        raise Failure(problem, ExitCode.USAGE)
    return info, body


@asynccontextmanager
async def forwarded(
    cluster: "Cluster", info: "ContainerInfo", replica: int | None = None
) -> "AsyncIterator[Forward]":
    """Yield a port of this machine that leads to the server of one ready pod."""
    pod = await _ready_pod(cluster, info, replica)
    port = info.ports[0].container_port
    async with cluster.forward(info.namespace, pod, port) as forward:
        yield forward


@asynccontextmanager
async def _transport(
    root: str, endpoint: "Endpoint", more: Mapping[str, str]
) -> AsyncIterator[Any]:
    """Yield the client's transport to *root*, whose certificate is for another name."""
    import httpx2
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamable_http_client

    def make_client(
        headers: dict[str, Any] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers={**more, **(headers or {})},
            timeout=timeout or httpx2.Timeout(CALL_SECONDS),
            auth=auth,
            follow_redirects=True,
            verify=_unverified() if endpoint.is_tls else True,
            trust_env=False,
        )

    url = f"{root}{endpoint.path}"
    if endpoint.speaks_sse:
        yield sse_client(url, httpx_client_factory=make_client)
        return
    # The transport does not close a client that it was given.
    async with make_client() as http_client:
        yield streamable_http_client(url, http_client=http_client)


def _unverified() -> "ssl.SSLContext":
    """Return a context that takes any certificate."""
    import ssl

    # Not the default context: to load what this machine trusts takes long, and is of no use here.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _why(
    info: "ContainerInfo", body: dict[str, Any], forward: "Forward", cause: BaseException
) -> Exception:
    """Return the error to raise where the client ended with *cause*: the one to act upon."""
    from mcpworkload.cli.verifying import ask, complaint
    from mcpworkload.runtime import WorkloadNotRunning

    if forward.error is not None and not isinstance(forward.error, WorkloadNotRunning):
        return forward.error
    if isinstance(cause, Failure):
        return cause
    words = complaint(await ask(forward, body))
    return Failure(f"{info.id}: {words or clean(str(cause)) or type(cause).__name__}")


async def _ready_pod(cluster: "Cluster", info: "ContainerInfo", replica: int | None) -> str:
    from mcpworkload.runtime import WorkloadNotRunning

    pods = await cluster.pods(info.id, replica)
    ready = [pod.metadata.name for pod in pods if pod.is_ready]
    if not ready:
        words = "no pod is ready" if replica is None else f"pod {info.name}-{replica} is not ready"
        advice = f"mcpworkload doctor {info.name} -n {info.namespace}"
        raise WorkloadNotRunning(words, workload=info.id, advice=advice)
    return ready[0]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def data_of(model: Any) -> dict[str, Any]:
    """Return a message of the client as plain data, named as on the wire."""
    found: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found
