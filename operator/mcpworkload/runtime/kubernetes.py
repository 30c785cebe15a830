"""The runtime on Kubernetes: writes MCPWorkloads and nothing else, reads what became of them."""

from collections.abc import Mapping
from typing import Any, Self

from mcpworkload.names import workload_key
from mcpworkload.runtime.connection import Connection, workloads_path
from mcpworkload.runtime.errors import WorkloadInvalid
from mcpworkload.runtime.monitor import Callback, Monitor
from mcpworkload.runtime.reading import info_of
from mcpworkload.runtime.types import ContainerInfo


class KubernetesRuntime:
    """
    Workloads as MCPWorkloads of one cluster; an asynchronous context manager.

    An id is `namespace/name`; a name alone means the namespace of the connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def from_environment(
        cls,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
    ) -> Self:
        """
        Connect the way kubectl does; inside a pod to the pod's own cluster.

        *namespace* is the default for names without one: else the context's, or the pod's own.

        Raises:
            RuntimeUnavailable: there is no usable configuration. Nothing is sent yet.
        """
        return cls(await Connection.from_environment(namespace, context, kubeconfig))

    async def __aenter__(self) -> Self:
        """The runtime itself."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close every connection; what was begun in the cluster goes on there."""
        await self._connection.close()

    async def list_workloads(
        self, *, namespace: str | None = None, all_namespaces: bool = False
    ) -> list[ContainerInfo]:
        """Every workload of a namespace, or of all, by id; one request whatever the number."""
        where = "" if all_namespaces else namespace or self._connection.namespace
        answer = await self._connection.request("GET", workloads_path(where))
        return sorted((info_of(item) for item in answer["items"]), key=lambda info: info.id)

    async def get_workload_info(self, workload_id: str) -> ContainerInfo:
        """
        The workload as it is now.

        Raises:
            WorkloadNotFound: there is none of that id.
        """
        return info_of(await self._read(workload_id))

    def monitor(
        self,
        workload_id: str = "",
        *,
        namespace: str | None = None,
        all_namespaces: bool = False,
        callback: Callback | None = None,
    ) -> Monitor:
        """
        A Monitor of one workload, or of all of a namespace or the cluster; not yet started.

        With *callback* each happening goes there, and nothing is left to iterate over.
        """
        workload = workload_key(*self._locate(workload_id)) if workload_id else ""
        where = "" if all_namespaces else namespace or self._connection.namespace
        return Monitor(self._connection, workload=workload, namespace=where, callback=callback)

    async def _read(self, workload_id: str) -> Mapping[str, Any]:
        namespace, name = self._locate(workload_id)
        key = workload_key(namespace, name)
        found: Mapping[str, Any] = await self._connection.request(
            "GET", workloads_path(namespace, name), workload=key
        )
        return found

    def _locate(self, workload_id: str) -> tuple[str, str]:
        """Namespace and name that *workload_id* stands for."""
        namespace, separator, name = workload_id.partition("/")
        if not separator:
            namespace, name = self._connection.namespace, workload_id
        if not namespace or not name or "/" in name:
            message = f"{workload_id!r} is no id: write namespace/name, or a name"
            raise WorkloadInvalid(message, fields=("workload_id",))
        return namespace, name
