"""The interface of a runtime: what every implementation promises, whatever it runs on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol, overload

from mcpworkload.runtime.channels import Output
from mcpworkload.runtime.profiles import PermissionProfile
from mcpworkload.runtime.types import ContainerInfo, DeployWorkloadOptions


class Attachment(Protocol):
    """A connection to the standard streams of one container instance."""

    async def write(self, data: bytes) -> None:
        """Send to the container's standard input."""
        ...

    @property
    def stdout(self) -> Output:
        """Its standard output."""
        ...

    @property
    def stderr(self) -> Output:
        """Its standard error, kept apart."""
        ...

    async def close(self) -> None:
        """Give the connection up; the container lives on."""
        ...


class Runtime(Protocol):
    """
    Deploys, lists, stops and removes workloads, and reads their output.

    Every method raises a `WorkloadError` of `errors.py`, and nothing else on purpose.
    """

    async def deploy_workload(
        self,
        image: str,
        name: str,
        command: Sequence[str],
        env_vars: Mapping[str, str],
        labels: Mapping[str, str],
        permission_profile: PermissionProfile | None,
        transport_type: str,
        options: DeployWorkloadOptions | None,
        isolate_network: bool,
    ) -> tuple[str, int]:
        """Create or update a workload; return its id and transport port once it serves."""
        ...

    async def list_workloads(self) -> Sequence[ContainerInfo]:
        """Return every workload, by id."""
        ...

    async def stop_workload(self, workload_id: str) -> None:
        """End the workload's pods and keep everything else; return when they are gone."""
        ...

    async def start_workload(self, workload_id: str) -> None:
        """Bring a stopped workload back; return when it serves."""
        ...

    async def remove_workload(self, workload_id: str) -> None:
        """Remove the workload and all that belongs to it; return when it is gone."""
        ...

    @overload
    async def get_workload_logs(self, workload_id: str, follow: Literal[False] = False) -> str: ...
    @overload
    async def get_workload_logs(
        self, workload_id: str, follow: Literal[True]
    ) -> AsyncIterator[str]: ...
    async def get_workload_logs(
        self, workload_id: str, follow: bool = False
    ) -> str | AsyncIterator[str]:
        """Return what the server's container has printed; followed, each line as it comes."""
        ...

    async def is_workload_running(self, workload_id: str) -> bool:
        """Return whether every container of the workload runs and is ready, sidecars included."""
        ...

    async def get_workload_info(self, workload_id: str) -> ContainerInfo:
        """Return the workload as it is now."""
        ...

    async def attach_to_workload(self, workload_id: str) -> Attachment:
        """Return the standard input and output of the server's container."""
        ...

    async def is_running(self) -> None:
        """Return if the runtime can manage workloads; raise what is in the way if not."""
        ...
