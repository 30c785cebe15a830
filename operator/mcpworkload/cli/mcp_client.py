"""The official MCP client, through a port-forward to one pod of a workload."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.output import clean

if TYPE_CHECKING:
    from mcp import Client

    from mcpworkload.cli.cluster import Cluster, Forward
    from mcpworkload.cli.handshake import Endpoint
    from mcpworkload.runtime import ContainerInfo

CALL_SECONDS = 60.0
replica_option = click.option(
    "--replica", type=click.IntRange(min=0), help="Talk to the pod of this ordinal.  [default: any]"
)


@asynccontextmanager
async def talk(cluster: "Cluster", workload: str, replica: int | None) -> "AsyncIterator[Client]":
    """Yield a client of one pod of *workload*."""
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
) -> "AsyncIterator[Forward]":
    """Yield a port of this machine that leads to the server of one ready pod."""
    pod = await _ready_pod(cluster, info.namespace, info.name, replica)
    port = info.ports[0].container_port
    async with cluster.forward(info.namespace, pod, port) as forward:
        yield forward


def _transport(root: str, endpoint: "Endpoint") -> Any:
    """Return the client's transport to *root*, whose certificate is for another name."""
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
    info: "ContainerInfo", endpoint: "Endpoint", forward: "Forward", cause: BaseException
) -> Exception:
    """Return the error to raise where the client ended with *cause*: the one to act upon."""
    from mcpworkload.cli.handshake import complaint
    from mcpworkload.runtime import WorkloadNotRunning

    if forward.error is not None and not isinstance(forward.error, WorkloadNotRunning):
        return forward.error
    if isinstance(cause, Failure):
        return cause
    words = await complaint(forward.port, endpoint, info.url)
    return Failure(f"{info.id}: {words or clean(str(cause)) or type(cause).__name__}")


async def _ready_pod(cluster: "Cluster", namespace: str, name: str, replica: int | None) -> str:
    import msgspec

    from mcpworkload.api.names import WORKLOAD_LABEL
    from mcpworkload.kube.objects import Pod
    from mcpworkload.kube.paths import core_path
    from mcpworkload.runtime import WorkloadNotRunning

    query = {"labelSelector": f"{WORKLOAD_LABEL}={name}"}
    answer = await cluster.read(core_path("pods", namespace), query)
    pods = msgspec.convert(answer["items"], list[Pod])
    wanted = {f"{name}-{replica}"} if replica is not None else {pod.metadata.name for pod in pods}
    ready = [pod.metadata.name for pod in pods if pod.metadata.name in wanted and pod.is_ready]
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


def data_of(model: Any) -> dict[str, Any]:
    """Return a message of the client as plain data, named as on the wire."""
    found: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found
