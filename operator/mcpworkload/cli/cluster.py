"""What a command works with: one connection, and the runtime library on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcpworkload.cli.target import Target
from mcpworkload.runtime import KubernetesRuntime, ProgressCallback
from mcpworkload.runtime.connection import Connection
from mcpworkload.runtime.lifecycle import Workload


class Cluster:
    """The library, and below it the connection for what it has no method for."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.runtime = KubernetesRuntime(connection)

    @property
    def namespace(self) -> str:
        """Where workloads are looked for whose id has no namespace."""
        return self.connection.namespace

    async def find(self, workload_id: str, progress: ProgressCallback | None = None) -> Workload:
        """
        A workload that exists.

        Raises:
            WorkloadNotFound: there is none of that id.
        """
        info = await self.runtime.get_workload_info(workload_id)
        return Workload(self.connection, info.namespace, info.name, progress)

    async def read(self, path: str, query: dict[str, str] | None = None) -> Any:
        """The answer to a GET."""
        return await self.connection.request("GET", path, query=query)


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Cluster]:
    """The cluster that the command line means."""
    async with await Connection.from_environment(
        target.namespace, target.context, target.kubeconfig
    ) as connection:
        yield Cluster(connection)
