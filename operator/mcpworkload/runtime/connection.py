"""
The one way from this package to the API server: authenticated requests, streams and sockets.

Stands on the asyncio client of the `kubernetes` package for configuration, credentials and the
connection pool, and reads JSON itself: its generated models know no MCPWorkload and are slow.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration

from mcpworkload.api.names import API_VERSION, PLURAL
from mcpworkload.runtime.answers import error_of, forbidden
from mcpworkload.runtime.environment import Environment
from mcpworkload.runtime.errors import RuntimeClosed, RuntimeUnavailable, WorkloadError

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
REQUEST_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
# Bookmarks come about once a minute: a watch without any hangs on a connection that is dead.
_SILENT_SECONDS = 150.0
_NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError)

Query = Mapping[str, str]


def workloads_path(namespace: str = "", name: str = "") -> str:
    """The path of a workload, of those in a namespace, or of all."""
    return _path(f"/apis/{API_VERSION}", namespace, PLURAL, name)


def core_path(resource: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The path of something in core/v1: pods, persistentvolumeclaims, pods/NAME/log."""
    path = _path("/api/v1", namespace, resource, name)
    return f"{path}/{subresource}" if subresource else path


def apps_path(resource: str, namespace: str = "", name: str = "") -> str:
    """The path of something in apps/v1."""
    return _path("/apis/apps/v1", namespace, resource, name)


def _path(root: str, namespace: str, resource: str, name: str) -> str:
    inside = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{inside}/{resource}" + (f"/{quote(name, safe='')}" if name else "")


@dataclass(frozen=True)
class _Request:
    """One request, which can be sent again with another token."""

    method: str
    path: str
    limits: aiohttp.ClientTimeout
    query: Query | None = None
    body: Any = None
    content_type: str = "application/json"
    #: What it is about, for errors.
    workload: str = ""


class Connection:
    """Requests to one API server; to be closed after use."""

    def __init__(
        self, configuration: Configuration, namespace: str, environment: Environment | None = None
    ) -> None:
        # Repeating is up to us: a write must not happen twice without anybody asking for it.
        configuration.retries = None
        self._client = ApiClient(configuration)
        self._environment = environment
        self._is_closed = False
        #: Where workloads are looked for whose id has no namespace.
        self.namespace = namespace

    @classmethod
    async def from_environment(
        cls,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
    ) -> Self:
        """
        Connect the way kubectl does: kubeconfig and context if given, else the pod's own cluster.

        Raises:
            RuntimeUnavailable: there is no usable configuration.
        """
        configuration, environment = Configuration(), Environment(context, kubeconfig)
        found = await environment.load(configuration)
        return cls(configuration, namespace or found or "default", environment)

    async def __aenter__(self) -> Self:
        """The connection itself."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close every connection; closing twice is fine, and whatever comes after is refused."""
        self._is_closed = True
        await self._client.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content_type: str = "application/json",
        workload: str = "",
    ) -> Any:
        """
        The decoded answer to one request.

        Raises:
            WorkloadError: what the API server answered, about *workload*.
        """
        limits = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=_CONNECT_SECONDS)
        try:
            request = _Request(method, path, limits, query, body, content_type, workload)
            response = await self._send(request)
            async with response:
                content = await response.read()
        except _NO_ANSWER as error:
            raise self._no_answer(error, workload) from error
        if response.status >= 400:
            raise error_of(response.status, content, workload)
        return json.loads(content) if content else None

    async def read_text(self, path: str, query: Query | None = None, workload: str = "") -> str:
        """An answer that is not JSON, such as a log that is not followed."""
        async with self.stream(path, query, workload) as response:
            try:
                return (await response.read()).decode(errors="replace")
            except _NO_ANSWER as error:
                raise self._no_answer(error, workload) from error

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        query: Query | None = None,
        workload: str = "",
        silence: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """
        The answer to a GET, to be read piece by piece for as long as it lasts.

        After *silence* seconds without a byte it counts as broken; None waits for ever.

        What breaks while it is read is aiohttp's to say, and the reader's to catch.

        Raises:
            WorkloadError: as `request`.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=silence)
        try:
            response = await self._send(_Request("GET", path, limits, query, workload=workload))
        except _NO_ANSWER as error:
            raise self._no_answer(error, workload) from error
        try:
            if response.status >= 400:
                raise error_of(response.status, await response.read(), workload)
            yield response
        finally:
            # What is left unread is not waited for: the connection goes.
            response.close()

    async def watch(self, path: str, query: Query) -> AsyncGenerator[dict[str, Any]]:
        """
        The events of one watch, until the API server ends it.

        Raises:
            WorkloadError: the watch could not begin.
            aiohttp.ClientError: it broke off.
        """
        query = {**query, "watch": "true"}
        async with self.stream(path, query, silence=_SILENT_SECONDS) as response:
            async for line in _lines(response.content):
                yield json.loads(line)

    @asynccontextmanager
    async def websocket(
        self,
        path: str,
        query: list[tuple[str, str]],
        protocols: tuple[str, ...],
        workload: str = "",
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """
        A WebSocket, as attach, exec and port-forward use it; frames may be of any size.

        Raises:
            WorkloadError: as `request`.
        """
        session, options = await self._session(workload)
        url = f"{self._client.configuration.host}{path}?{urlencode(query)}"
        try:
            socket = await session.ws_connect(
                url, protocols=protocols, max_msg_size=0, autoping=True, **options
            )
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 403:
                raise forbidden(path, workload) from error
            raise error_of(error.status, error.message.encode(), workload) from error
        except _NO_ANSWER as error:
            raise self._no_answer(error, workload) from error
        try:
            yield socket
        finally:
            await socket.close()

    def _no_answer(self, error: BaseException, workload: str) -> WorkloadError:
        if self._is_closed:
            return closed(workload)
        why = "no answer in time" if isinstance(error, asyncio.TimeoutError) else str(error)
        return RuntimeUnavailable(
            f"the API server does not answer: {why}",
            workload=workload,
            advice="see whether the cluster is up and the context the right one",
        )

    async def _send(self, request: _Request) -> aiohttp.ClientResponse:
        response = await self._send_once(request)
        if response.status == 401 and self._environment is not None:
            # Nothing was done. A token may have expired that a plugin of the kubeconfig renews.
            response.close()
            await self._environment.load(self._client.configuration)
            response = await self._send_once(request)
        return response

    async def _send_once(self, request: _Request) -> aiohttp.ClientResponse:
        session, options = await self._session(request.workload)
        headers = {**options.pop("headers"), "Content-Type": request.content_type}
        response: aiohttp.ClientResponse = await session.request(
            request.method,
            f"{self._client.configuration.host}{request.path}",
            params=dict(request.query or {}),
            data=None if request.body is None else json.dumps(request.body),
            headers=headers,
            timeout=request.limits,
            **options,
        )
        return response

    async def _session(self, workload: str) -> tuple[aiohttp.ClientSession, dict[str, Any]]:
        """The connection pool, and what each request needs besides; tokens may be renewed."""
        client = self._client
        headers: dict[str, str] = {}
        await client.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        if self._is_closed:
            raise closed(workload)
        rest = client.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()  # noqa: SLF001 - made on first use
        options: dict[str, Any] = {"headers": headers}
        if rest.proxy:
            options["proxy"] = rest.proxy
        if client.configuration.tls_server_name:
            options["server_hostname"] = client.configuration.tls_server_name
        return rest.pool_manager, options


def closed(workload: str = "") -> RuntimeClosed:
    """The error for what is asked of a connection after its end."""
    return RuntimeClosed(
        "the runtime is closed", workload=workload, advice="open another with from_environment"
    )


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream, of any length."""
    pending = bytearray()
    async for piece in content.iter_any():
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield bytes(pending) + line
            pending.clear()
        pending += rest
