"""
The connection of a command, and the runtime library on it.

This module alone reaches below the library's public names.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from mcpworkload.cli.target import Target
from mcpworkload.kube.objects import Pod
from mcpworkload.runtime import ContainerInfo, KubernetesRuntime, ProgressCallback
from mcpworkload.runtime.connection import RuntimeConnection, workloads_path
from mcpworkload.runtime.info import info_of
from mcpworkload.runtime.instances import number_of, own_pods
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.portforward import PortForward
from mcpworkload.runtime.watching import Body, Changed, observe

#: The operator's Deployment and ServiceAccount.
OPERATOR: Final = "mcpworkload-operator"
_LABEL: Final = "app.kubernetes.io/name=mcpworkload"

#: A port of this machine that leads to a port of one pod.
Forward = PortForward


@dataclass(frozen=True)
class Seen:
    """One step of a watch: workloads as they are now, or as they were last, when they went."""

    infos: list[ContainerInfo]
    is_gone: bool = False


class Cluster:
    """The library, and below it the connection for what it has no method for."""

    def __init__(self, connection: RuntimeConnection) -> None:
        self.connection = connection
        self.runtime = KubernetesRuntime(connection)

    @property
    def namespace(self) -> str:
        """The namespace of workloads whose id has none."""
        return self.connection.namespace

    async def find(
        self, workload_id: str, progress: ProgressCallback | None = None
    ) -> WorkloadHandle:
        """
        Return a handle on a workload that exists.

        Raises:
            WorkloadNotFound: there is none of that id.
        """
        info = await self.runtime.get_workload_info(workload_id)
        return WorkloadHandle(self.connection, info.namespace, info.name, progress)

    async def deploy(
        self, manifest: dict[str, Any], seconds: float | None, progress: ProgressCallback
    ) -> None:
        """
        Apply *manifest*, start it if it is stopped, and wait until it is ready.

        Raises:
            WorkloadError: as `deploy_workload` of the library, which has no argument for all
                that a manifest can say.
        """
        metadata = manifest["metadata"]
        workload = WorkloadHandle(
            self.connection, metadata["namespace"], metadata["name"], progress
        )
        await workload.deploy(manifest, seconds)

    async def workloads(self, query: dict[str, str], *, everywhere: bool) -> list[ContainerInfo]:
        """Return the workloads that *query* selects, by id: of the namespace, or of all."""
        found = await self.read(workloads_path("" if everywhere else self.namespace), query)
        return sorted(map(info_of, found["items"]), key=lambda info: info.id)

    async def pods(self, workload_id: str, replica: int | None = None) -> list[Pod]:
        """Return the pods of a workload by their numbers, or that of one *replica*."""
        workload = await self.find(workload_id)
        found = own_pods(await workload.pods(), workload.name)
        if replica is None:
            return found
        return [pod for pod in found if number_of(pod.metadata.name, workload.name) == replica]

    async def watch(self, namespace: str, query: dict[str, str]) -> AsyncGenerator[Seen]:
        """Yield the workloads that *query* selects, then each change; never ends by itself."""
        changes = observe(self.connection, workloads_path(namespace), query, Body)
        async with aclosing(changes) as states:
            async for state in states:
                if isinstance(state, Changed):
                    yield Seen([info_of(state.object)], state.is_deleted)
                else:
                    yield Seen(sorted(map(info_of, state.objects), key=lambda info: info.id))

    @asynccontextmanager
    async def forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[Forward]:
        """Yield a port of this machine that leads to *port* of *pod* while the block lasts."""
        async with PortForward(self.connection, namespace, pod, port).open() as forward:
            yield forward

    async def operators(self, namespace: str) -> list[dict[str, Any]]:
        """Return the operator's Deployment, or else the Deployments with its label."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        found: list[dict[str, Any]] = (await self.read(path, {"labelSelector": _LABEL}))["items"]
        return [item for item in found if item["metadata"]["name"] == OPERATOR] or found

    async def read(self, path: str, query: dict[str, str] | None = None) -> Any:
        """Return the answer to a GET."""
        return await self.connection.request("GET", path, query=query)


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Cluster]:
    """Yield the cluster that the command line names."""
    async with await RuntimeConnection.from_environment(
        target.namespace, target.context, target.kubeconfig
    ) as connection:
        yield Cluster(connection)
