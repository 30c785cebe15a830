"""
The library's edge to the API server: requests about workloads, failures as its own errors.

The client is `kube`'s, as the operator's is; here its answers become plain data, and its errors
become `WorkloadError`s (`answers`).
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from kubernetes.aio.client import Configuration

from mcpworkload.api.names import API_VERSION, PLURAL
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Forbidden
from mcpworkload.kube.paths import resource_path
from mcpworkload.runtime.answers import closed, forbidden, workload_error
from mcpworkload.runtime.credentials import OfficialCredentials
from mcpworkload.runtime.environment import Environment
from mcpworkload.runtime.errors import WorkloadError

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
# Bookmarks come about once a minute: a watch without any hangs on a connection that is dead.
_SILENT_SECONDS = 150.0

Query = Mapping[str, str]


def workloads_path(namespace: str = "", name: str = "") -> str:
    """Return the path of a workload, of those in a namespace, or of all."""
    return resource_path(f"/apis/{API_VERSION}", PLURAL, namespace, name)


class RuntimeConnection:
    """Requests to one API server; to be closed after use."""

    def __init__(
        self, configuration: Configuration, namespace: str, environment: Environment | None = None
    ) -> None:
        self._credentials = OfficialCredentials(configuration, environment)
        self._opened: Api | None = None
        self._is_closed = False
        #: The namespace of workloads whose id has none.
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
        await self._credentials.close()

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
        Return the decoded answer to one request.

        Raises:
            WorkloadError: what the API server answered, about *workload*.
        """
        try:
            content = await self._api(workload).request(
                method,
                path,
                params=query,
                body=None if body is None else json.dumps(body).encode(),
                content_type=content_type,
            )
        except ApiError as error:
            raise self._error(error, workload) from error
        return json.loads(content) if content else None

    async def read_text(self, path: str, query: Query | None = None, workload: str = "") -> str:
        """Return an answer that is not JSON, such as a log that is not followed."""
        async with self.stream(path, query, workload) as content:
            return (await content.read()).decode(errors="replace")

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        query: Query | None = None,
        workload: str = "",
        silence: float | None = None,
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """
        Yield the answer to a GET, to be read piece by piece for as long as it lasts.

        After *silence* seconds without a byte it counts as broken; None waits for ever.

        Raises:
            WorkloadError: as `request`, also for what breaks while it is read.
        """
        try:
            stream = self._api(workload).stream(path, query or {}, silence, accept="*/*")
            async with stream as content:
                yield content
        except ApiError as error:
            raise self._error(error, workload) from error

    @asynccontextmanager
    async def watch(self, path: str, query: Query) -> AsyncIterator[AsyncIterator[bytes]]:
        """
        Yield the lines of one watch, until the API server ends it.

        Raises:
            WorkloadError: as `stream`.
        """
        try:
            async with self._api().lines(path, query, _SILENT_SECONDS) as lines:
                yield lines
        except ApiError as error:
            raise self._error(error, "") from error

    @asynccontextmanager
    async def websocket(
        self,
        path: str,
        query: list[tuple[str, str]],
        protocols: tuple[str, ...],
        workload: str = "",
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """
        Yield a WebSocket, as attach, exec and port-forward use it; frames may be of any size.

        Raises:
            WorkloadError: as `request`.
        """
        try:
            async with self._api(workload).websocket(path, query, protocols) as socket:
                yield socket
        except Forbidden as error:
            raise forbidden(path, workload) from error
        except ApiError as error:
            raise self._error(error, workload) from error

    def _api(self, workload: str = "") -> Api:
        """Return the client, with a connection pool that is made on first use."""
        if self._is_closed:
            raise closed(workload)
        if self._opened is None:
            self._opened = Api(self._credentials.connect())
        return self._opened

    def _error(self, error: ApiError, workload: str) -> WorkloadError:
        if self._is_closed and not error.status:
            return closed(workload)
        return workload_error(error, workload)
