"""The runtime on Kubernetes: writes MCPWorkloads and nothing else, and reads their state."""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from os import PathLike, fspath
from typing import Literal, Self, Unpack, overload

from mcpworkload.api.names import CONTAINER
from mcpworkload.kube.keys import object_key
from mcpworkload.runtime.attach import attach
from mcpworkload.runtime.attachment import ContainerAttachment
from mcpworkload.runtime.checking import checked
from mcpworkload.runtime.connection import RuntimeConnection, workloads_path
from mcpworkload.runtime.errors import RightsMissing, WorkloadInvalid, WorkloadNotFound
from mcpworkload.runtime.forwarding import Tell, WorkloadForward
from mcpworkload.runtime.info import info_of, is_stopped
from mcpworkload.runtime.instances import newest_start
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.lines import LogLine
from mcpworkload.runtime.log_follow import follow_logs
from mcpworkload.runtime.logs import LogArguments, log_options, read_logs
from mcpworkload.runtime.manifest import Program, Settings, located, manifest_of
from mcpworkload.runtime.monitor import Callback, Monitor
from mcpworkload.runtime.profiles import PermissionProfile
from mcpworkload.runtime.readiness import is_every_container_ready
from mcpworkload.runtime.removal import remove
from mcpworkload.runtime.types import ContainerInfo, DeployWorkloadOptions, Goal, ProgressCallback

READY_SECONDS = 300.0
REMOVED_SECONDS = 180.0


class KubernetesRuntime:
    """
    Workloads as MCPWorkloads of one cluster; an asynchronous context manager.

    An id is `namespace/name`; a name alone means the namespace of the connection.
    """

    def __init__(self, connection: RuntimeConnection) -> None:
        self._connection = connection

    @classmethod
    @checked
    async def from_environment(
        cls,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | PathLike[str] | None = None,
    ) -> Self:
        """
        Connect the way kubectl does; inside a pod to the pod's own cluster.

        *namespace* is the default for names without one: else the context's, or the pod's own.

        Raises:
            RuntimeUnavailable: there is no usable configuration. Nothing is sent yet.
            WorkloadInvalid: an argument is of a wrong type, as with every method.
        """
        file = None if kubeconfig is None else fspath(kubeconfig)
        return cls(await RuntimeConnection.from_environment(namespace, context, file))

    async def __aenter__(self) -> Self:
        """The runtime itself."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close every connection; what was begun in the cluster goes on there."""
        await self._connection.close()

    @checked
    async def deploy_workload(
        self,
        image: str,
        name: str,
        command: Sequence[str] = (),
        env_vars: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        permission_profile: PermissionProfile | None = None,
        transport_type: str = "streamable-http",
        options: DeployWorkloadOptions | None = None,
        isolate_network: bool = False,
        *,
        entrypoint: Sequence[str] = (),
        namespace: str | None = None,
        replicas: int | None = None,
        timeout: float | None = READY_SECONDS,
        progress: ProgressCallback | None = None,
    ) -> tuple[str, int]:
        """
        Create the workload or update it, start it, and return once it is Ready.

        *command* has the arguments of the image's entry point, which *entrypoint* replaces. The
        transport's port is MCP_PORT in *env_vars*, else the one TCP port exposed, else 8080.

        Returns:
            Its id and the port of its transport; 0 for a stdio server without a bridge.

        Raises:
            WorkloadInvalid: an argument is refused; nothing was changed.
            WorkloadConflict: another client, such as GitOps, owns a field that differs.
            WorkloadNotReady: at once where waiting cannot help, else after *timeout* seconds.
        """
        where, own_name = self._locate(name, namespace, "name")
        program = Program(image, entrypoint, command, env_vars)
        settings = Settings(
            labels, permission_profile, transport_type, options, isolate_network, replicas
        )
        workload = WorkloadHandle(self._connection, where, own_name, progress)
        return await workload.deploy(manifest_of(where, own_name, program, settings), timeout)

    @checked
    async def stop_workload(
        self,
        workload_id: str,
        *,
        timeout: float | None = READY_SECONDS,
        progress: ProgressCallback | None = None,
    ) -> None:
        """
        End the pods and keep all else: name, Services, volumes; return when they are gone.

        Raises:
            WorkloadNotFound: there is none of that id.
            WorkloadNotReady: the pods were not gone within *timeout* seconds.
        """
        await self._set_mode(workload_id, "Stopped", timeout, progress)

    @checked
    async def start_workload(
        self,
        workload_id: str,
        *,
        timeout: float | None = READY_SECONDS,
        progress: ProgressCallback | None = None,
    ) -> None:
        """
        Bring a stopped workload back, with as many replicas as before; return when it is Ready.

        Raises:
            WorkloadNotFound: there is none of that id.
            WorkloadNotReady: as with `deploy_workload`.
        """
        await self._set_mode(workload_id, "Running", timeout, progress)

    @checked
    async def restart_workload(
        self,
        workload_id: str,
        *,
        timeout: float | None = READY_SECONDS,
        progress: ProgressCallback | None = None,
    ) -> None:
        """
        Replace the pods, one after the other; return when the new ones are Ready.

        Writes the time into `spec.restartedAt`. A stopped workload stays stopped.

        Raises:
            WorkloadNotFound: there is none of that id.
            WorkloadNotReady: as with `deploy_workload`.
        """
        workload = self._workload(workload_id, progress)
        changed = await workload.restart()
        await workload.until_ready(changed["metadata"]["generation"], timeout)

    @checked
    async def wait_for_workload(
        self,
        workload_id: str,
        goal: Goal = "ready",
        *,
        timeout: float | None = READY_SECONDS,
        progress: ProgressCallback | None = None,
    ) -> None:
        """
        Wait until the workload is ready, stopped or removed; changes nothing.

        A workload that is stopped as asked for is ready, too.

        Raises:
            WorkloadNotFound: there is none of that id, unless it is to be removed.
            WorkloadNotReady: it can never be ready, or was not within *timeout* seconds.
            WaitTimedOut: it was not stopped or removed within *timeout* seconds.
        """
        workload = self._workload(workload_id, progress)
        try:
            await workload.read()
            if goal == "ready":
                # Of the spec as it is, whatever its generation.
                await workload.until_ready(0, timeout)
            else:
                await workload.until_goal(goal, timeout)
        except WorkloadNotFound:
            if goal != "removed":
                raise

    @checked
    async def remove_workload(
        self,
        workload_id: str,
        keep_volumes: bool = False,
        *,
        timeout: float | None = REMOVED_SECONDS,
        progress: ProgressCallback | None = None,
    ) -> None:
        """
        Remove the workload, its pods and its volumes; return when they are gone.

        Cancelled before the deletion was asked for, it leaves the workload as it was;
        afterwards the cluster completes it.

        Raises:
            WorkloadNotFound: there is none of that id.
            WaitTimedOut: not over within *timeout* seconds; its advice says whether it goes on.
        """
        workload = self._workload(workload_id, progress)
        await remove(workload, keep_volumes=keep_volumes, seconds=timeout)

    @checked
    async def is_workload_running(self, workload_id: str) -> bool:
        """
        Return whether all replicas have every container running and ready, sidecars too.

        Raises:
            WorkloadNotFound: there is none of that id.
        """
        workload = self._workload(workload_id)
        found = await workload.read()
        if is_stopped(found):
            return False
        return is_every_container_ready(await workload.pods(), found["spec"].get("replicas", 1))

    async def is_running(self) -> None:
        """
        Return if the API server answers and serves MCPWorkloads.

        Raises:
            RuntimeUnavailable: it does not.
            RightsMissing: it does, but does not let us list them.
        """
        path = workloads_path(self._connection.namespace)
        await self._connection.request("GET", path, query={"limit": "1"})

    @checked
    async def list_workloads(
        self, *, namespace: str | None = None, all_namespaces: bool = False
    ) -> list[ContainerInfo]:
        """Return every workload of a namespace, or of all, by id; one request for any number."""
        where = self._scope(namespace, all_namespaces)
        answer = await self._connection.request("GET", workloads_path(where))
        return sorted((info_of(item) for item in answer["items"]), key=lambda info: info.id)

    @checked
    async def get_workload_info(self, workload_id: str) -> ContainerInfo:
        """
        Return the workload as it is now; the second request is for `started_at` alone.

        Raises:
            WorkloadNotFound: there is none of that id.
        """
        workload = self._workload(workload_id)
        found = await workload.read()
        started_at: datetime | None = None
        # Who may see the workload and not its pods still sees the workload.
        with contextlib.suppress(RightsMissing):
            started_at = newest_start(await workload.pods(), workload.name)
        return info_of(found, started_at)

    @checked
    def monitor(
        self,
        workload_id: str = "",
        *,
        namespace: str | None = None,
        all_namespaces: bool = False,
        callback: Callback | None = None,
    ) -> Monitor:
        """Return a Monitor of one workload, a namespace or the cluster; it is not yet started."""
        if workload_id and all_namespaces:
            raise _either("workload_id", "all_namespaces")
        workload = object_key(*self._locate(workload_id, namespace)) if workload_id else ""
        where = self._scope(namespace, all_namespaces)
        return Monitor(self._connection, workload=workload, namespace=where, callback=callback)

    @overload
    async def get_workload_logs(
        self, workload_id: str, follow: Literal[False] = False, **which: Unpack[LogArguments]
    ) -> str: ...
    @overload
    async def get_workload_logs(
        self, workload_id: str, follow: Literal[True], **which: Unpack[LogArguments]
    ) -> AsyncGenerator[LogLine]: ...
    @checked
    async def get_workload_logs(
        self, workload_id: str, follow: bool = False, **which: Unpack[LogArguments]
    ) -> str | AsyncGenerator[LogLine]:
        """
        Return what the workload's containers have printed, as text; followed, line by line.

        *which* are the fields of `LogArguments`. Of several pods the text has one after the
        other, each line with its pod in brackets. What is followed ends with the workload, when
        that is removed or stopped; restarts, rotated logs and replaced pods do not end it, nor
        lose or double a line. Close it when you leave it early (`contextlib.aclosing`).

        Raises:
            WorkloadNotFound: there is none of that id.
            WorkloadNotRunning: it is stopped, or nothing has run yet that could print.
            WorkloadInvalid: there is no such container, or an argument makes no sense.
        """
        workload = self._workload(workload_id)
        options = log_options(workload, follow, which)
        return await (follow_logs if follow else read_logs)(workload, options)

    @checked
    async def attach_to_workload(
        self, workload_id: str, *, container: str = CONTAINER, pod: str | int | None = None
    ) -> ContainerAttachment:
        """
        Return a connection to the streams of one container instance, to be closed after use.

        Without *pod*, a name or a number, it is the first pod that runs. The streams end with
        that instance; after a restart, attach again.

        Raises:
            WorkloadNotFound: there is none of that id.
            WorkloadNotRunning: the container does not run, or ended while it was attached to.
            WorkloadInvalid: there is no such container or pod.
        """
        return await attach(self._workload(workload_id), container, pod)

    @checked
    def forward_to_workload(
        self, workload_id: str, *, port: int = 0, callback: Tell | None = None
    ) -> WorkloadForward:
        """
        Return a port of this machine that leads to a ready pod of the workload.

        It listens on 127.0.0.1 while it is entered (`async with`), at *port* or, with 0, at any;
        its `url` has the port. *callback* receives one line for each event meanwhile.
        """
        return WorkloadForward(self._workload(workload_id), port, callback)

    async def _set_mode(
        self,
        workload_id: str,
        mode: str,
        timeout: float | None,
        progress: ProgressCallback | None,
    ) -> None:
        workload = self._workload(workload_id, progress)
        changed = await workload.set_mode(mode)
        await workload.until_ready(changed["metadata"]["generation"], timeout)

    def _workload(
        self, workload_id: str, progress: ProgressCallback | None = None
    ) -> WorkloadHandle:
        return WorkloadHandle(self._connection, *self._locate(workload_id), progress)

    def _scope(self, namespace: str | None, all_namespaces: bool) -> str:
        """Return the namespace to read; empty for all."""
        if all_namespaces and namespace is not None:
            raise _either("namespace", "all_namespaces")
        return "" if all_namespaces else namespace or self._connection.namespace

    def _locate(
        self, workload_id: str, namespace: str | None = None, argument: str = "workload_id"
    ) -> tuple[str, str]:
        """Return the namespace and the name in *workload_id*."""
        where, name = located(workload_id, namespace or "", argument)
        return where or self._connection.namespace, name


def _either(first: str, second: str) -> WorkloadInvalid:
    message = f"{first} and {second} are both given: one of them would have no effect"
    return WorkloadInvalid(message, reason="Invalid", fields=(first, second))
