"""
An example operator on the library: a Toolbox lists MCP servers, and mcpworkload runs them.

    kopf run --standalone --namespace=tools toolbox.py

kopf watches the Toolboxes; `mcpworkload.runtime` deploys the servers that they list, and reports
their state and each unexpected exit. `report` writes both into the Toolbox's status.
"""

import asyncio
import contextlib
from collections import deque
from typing import Any

import kopf

from mcpworkload.runtime import (
    KubernetesRuntime,
    WorkloadConflict,
    WorkloadEvent,
    WorkloadExited,
    WorkloadInvalid,
    WorkloadNotFound,
    WorkloadNotReady,
)

GROUP = "tools.example.com"
TOOLBOXES = (GROUP, "v1alpha1", "toolboxes")
WORKLOADS = ("mcpworkload.dev", "v1alpha1", "mcpworkloads")
# On every workload of ours: the name of its Toolbox.
LABEL = f"{GROUP}/toolbox"
# kopf handles the next change of the Toolbox, even its deletion, only after this wait.
READY_SECONDS = 10.0
KEPT_EXITS = 20


@kopf.on.login()
def log_in(**kwargs: Any) -> Any:
    """Log in as the pod's ServiceAccount; outside of a cluster as kubectl does."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Set kopf up for the rights that the Role grants, and start the Monitor."""
    settings.scanning.disabled = True  # it would watch CRDs and namespaces
    settings.posting.enabled = False  # it would make an Event of each line it logs
    settings.persistence.finalizer = f"{GROUP}/workloads"
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)

    memo.runtime = await KubernetesRuntime.from_environment()
    memo.infos = {info.id: info for info in await memo.runtime.list_workloads()}
    memo.exits = deque(maxlen=1000)

    def note(event: WorkloadEvent) -> None:
        if isinstance(event, WorkloadExited):
            memo.exits.append(event)

    memo.monitor = await memo.runtime.monitor(callback=note).start_monitoring()


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Leave no connection behind; the workloads stay."""
    await memo.monitor.stop_monitoring()
    await memo.runtime.close()


@kopf.on.resume(*TOOLBOXES)
@kopf.on.create(*TOOLBOXES)
@kopf.on.update(*TOOLBOXES, field="spec")
async def arrange(name: str, spec: kopf.Spec, memo: kopf.Memo, patch: kopf.Patch, **_: Any) -> None:
    """Deploy the workloads that the Toolbox lists; deploying one again changes nothing."""
    wanted = {f"{name}-{server['name']}": server for server in spec["servers"]}
    await remove(memo.runtime, name, keep=set(wanted))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(deploy(memo.runtime, workload, name, server))
            for workload, server in wanted.items()
        ]
    patch.status["refused"] = [refusal for task in tasks if (refusal := task.result())]


@kopf.on.delete(*TOOLBOXES)
async def clear(name: str, memo: kopf.Memo, **_: Any) -> None:
    """Remove the workloads; the Toolbox goes when they are gone."""
    await remove(memo.runtime, name, keep=set())


async def deploy(
    runtime: KubernetesRuntime, workload: str, toolbox: str, server: dict[str, Any]
) -> str:
    """Deploy one server; return the reason for a refusal, empty without one."""
    try:
        await runtime.deploy_workload(
            server["image"],
            workload,
            entrypoint=server.get("command", ()),
            command=server.get("args", ()),
            env_vars=server.get("env"),
            labels={LABEL: toolbox},
            timeout=READY_SECONDS,
        )
    except (WorkloadInvalid, WorkloadConflict) as error:
        return str(error)
    except WorkloadNotReady:
        pass  # It may become Ready later; the status has its state.
    return ""


async def remove(runtime: KubernetesRuntime, toolbox: str, keep: set[str]) -> None:
    """Remove the Toolbox's workloads but those to *keep*."""

    async def remove_one(workload: str) -> None:
        with contextlib.suppress(WorkloadNotFound):
            await runtime.remove_workload(workload)

    async with asyncio.TaskGroup() as group:
        for info in await runtime.list_workloads():
            if info.labels.get(LABEL) == toolbox and info.name not in keep:
                group.create_task(remove_one(info.id))


@kopf.on.event(*WORKLOADS, labels={LABEL: kopf.PRESENT})  # type: ignore[arg-type]
async def refresh(namespace: str, name: str, memo: kopf.Memo, **_: Any) -> None:
    """Read the state of a workload that has changed."""
    workload = f"{namespace}/{name}"
    try:
        memo.infos[workload] = await memo.runtime.get_workload_info(workload)
    except WorkloadNotFound:
        memo.infos.pop(workload, None)


@kopf.timer(*TOOLBOXES, interval=1.0)
def report(
    namespace: str | None,
    name: str,
    spec: kopf.Spec,
    status: kopf.Status,
    memo: kopf.Memo,
    patch: kopf.Patch,
    **_: Any,
) -> None:
    """Write new exits and states into the status; without a change, send no request."""
    names = {f"{namespace}/{name}-{each['name']}": each["name"] for each in spec["servers"]}
    exits = list(status.get("exits", ()))
    for exited in [each for each in memo.exits if each.workload in names]:
        entry = describe(names[exited.workload], exited)
        if entry in exits:
            memo.exits.remove(exited)  # The API server has it.
        else:
            exits.append(entry)
    infos = {server: memo.infos[each] for each, server in names.items() if each in memo.infos}
    news = {
        "wanted": len(names),
        "running": sum(info.state == "running" for info in infos.values()),
        "servers": [
            {"name": server, "state": info.state, "url": info.url, "message": info.status}
            for server, info in infos.items()
        ],
        "exits": exits[-KEPT_EXITS:],
    }
    if any(status.get(field) != value for field, value in news.items()):
        patch.status.update(news)


def describe(server: str, exited: WorkloadExited) -> dict[str, Any]:
    """Return one entry of `status.exits`."""
    entry = {
        "server": server,
        "pod": exited.pod,
        "container": exited.container,
        "containerID": exited.container_id,
        "reason": exited.reason,
        "exitCode": exited.exit_code,
        "finishedAt": exited.finished_at and exited.finished_at.isoformat(),
    }
    # Values that the cluster no longer has are left out.
    return {field: value for field, value in entry.items() if value is not None}
