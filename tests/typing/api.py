"""
The public API as its users see it: type-checked by `make check`, never run.

A line here that mypy refuses is a break of somebody's program.
"""

from collections.abc import Sequence
from contextlib import aclosing

from mcpworkload.runtime import (
    ContainerInfo,
    DeployWorkloadOptions,
    KubernetesRuntime,
    Mount,
    PermissionConfig,
    PermissionProfile,
    PortBinding,
    Progress,
    Runtime,
    RuntimeClosed,
    ServerInfo,
    SyncRuntime,
    ToolsChanged,
    WorkloadError,
    WorkloadExited,
    WorkloadNotReady,
    WorkloadUnverified,
    build_workload,
    is_kubernetes_runtime,
    new_deploy_workload_options,
)


def show(*values: object) -> None:
    """Use what cannot be left unused."""


def on_progress(progress: Progress) -> None:
    """A callback may return nothing."""
    show(progress.workload, progress.reason, progress.message)


async def use_everything(runtime: KubernetesRuntime) -> tuple[str, int]:
    """Every method with all its arguments."""
    await runtime.is_running()
    options: DeployWorkloadOptions = DeployWorkloadOptions(
        exposed_ports={"8080/tcp": object()},
        port_bindings={"8080/tcp": [PortBinding()]},
    )
    workload, port = await runtime.deploy_workload(
        "weather:1",
        "weather",
        ["--verbose"],
        {"CITY": "Oslo"},
        {"team": "sky"},
        PermissionProfile.none(),
        "streamable-http",
        options,
        False,
        entrypoint=("weather",),
        namespace="team",
        replicas=2,
        timeout=None,
        progress=on_progress,
    )
    infos: Sequence[ContainerInfo] = await runtime.list_workloads(all_namespaces=True)
    for info in infos:
        await runtime.stop_workload(info.id, timeout=10)
        await runtime.start_workload(info.id, progress=on_progress)
        await runtime.restart_workload(info.id, timeout=None)
        await runtime.wait_for_workload(info.id, "stopped", progress=on_progress)
        is_up: bool = await runtime.is_workload_running(info.id)
        text: str = await runtime.get_workload_logs(info.id, tail=5, since=60.0, pod=0)
        async with aclosing(await runtime.get_workload_logs(info.id, follow=True)) as lines:
            async for line in lines:
                show(text, line.upper(), line.time.year, line.pod)
        async with await runtime.attach_to_workload(info.id, container="helper") as attached:
            await attached.write(b"x")
            show(await attached.stdout.readline(), (await attached.wait()).exit_code)
        show(is_up, info.ports[0].container_port, info.created.year)
        show(info.started_at.year if info.started_at else info.url)
        server: ServerInfo | None = info.server
        show(info.verification.upper(), server.tools_digest if server is not None else "")
        async with runtime.forward_to_workload(info.id, port=0, callback=show) as forward:
            port_here: int = forward.port
            show(port_here, forward.url.upper())
    await runtime.remove_workload(workload, keep_volumes=True)
    return workload, port


def use_profiles(text: str) -> PermissionConfig:
    """They are read, written and spelled out."""
    profile = PermissionProfile.from_yaml(PermissionProfile.from_json(text).to_json())
    config = profile.to_config()
    show([(mount.source, mount.type, mount.read_only) for mount in config.mounts])
    return PermissionConfig(mounts=[Mount("/a", "/b")], privileged=config.privileged)


def as_any_runtime(runtime: KubernetesRuntime) -> Runtime:
    """Ours is one of them."""
    return runtime


async def use_any_runtime(runtime: Runtime) -> str:
    """The protocol has what the seed has."""
    workload, _ = await runtime.deploy_workload(
        "w:1", "w", [], {}, {}, None, "sse", new_deploy_workload_options(), False
    )
    logs: str = await runtime.get_workload_logs(workload)
    async for line in await runtime.get_workload_logs(workload, follow=True):
        show(line.upper())
    return logs


async def listen(runtime: KubernetesRuntime) -> list[int | None]:
    """What happens is told by kinds, of which each has its own fields."""
    codes: list[int | None] = []
    async with runtime.monitor("team/w") as monitor:
        async for event in monitor:
            show(event.workload)
            if isinstance(event, WorkloadExited):
                codes.append(event.exit_code)
            elif isinstance(event, WorkloadUnverified):
                show(event.reason.upper(), event.message)
            elif isinstance(event, ToolsChanged):
                show(event.after_count - event.before_count, event.after_digest)
    async with runtime.monitor(all_namespaces=True, callback=show):
        return codes


def use_without_a_loop() -> tuple[str, int]:
    """The facade has the same arguments and results."""
    with SyncRuntime.from_environment(namespace="team") as runtime:
        with runtime.get_workload_logs("w", follow=True) as lines:
            show([line.pod for line in lines])
        with runtime.monitor("w") as monitor:
            show([event.workload for event in monitor])
        with runtime.attach_to_workload("w") as attached:
            attached.write(b"x")
            show(list(attached.stdout))
        try:
            return runtime.deploy_workload("w:1", "w", env_vars={"A": "b"}, timeout=10.0)
        except RuntimeClosed:
            return "", 0
        except WorkloadNotReady as error:
            show(error.log_tail, error.is_final)
        except WorkloadError as error:
            show(error.workload, error.reason, error.advice)
    manifest: dict[str, object] = build_workload("w:1", "w", namespace="team", replicas=0)
    return str(manifest["kind"]), int(is_kubernetes_runtime())
