"""Finding a workload's containers, and reading what they have printed until now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from mcpworkload.api import names
from mcpworkload.kube.objects import Pod
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime.errors import WorkloadInvalid, WorkloadNotRunning
from mcpworkload.runtime.info import is_stopped
from mcpworkload.runtime.instances import (
    containers_of,
    last_ended,
    newest_instance,
    number_of,
    own_pods,
    proxy_pods,
    state_of,
    waiting_reason,
)
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.watching import Body


class LogArguments(TypedDict, total=False):
    """A caller's choice of log lines and containers; every key may be left out."""

    #: Another container than the server's, by name; sidecars and init containers count.
    container: str | None
    #: One pod, by its name or its number; otherwise all of the workload.
    pod: str | int | None
    #: Only so many of the last lines, of each pod.
    tail: int | None
    #: Only what was printed since then; a number means so many seconds ago.
    since: float | datetime | None
    #: Begin each line with the time when it was printed.
    timestamps: bool
    #: The log of the instance that ended last, restarted or not.
    previous: bool
    #: The log of the workload's egress proxy: what it has refused to connect to.
    egress: bool


# The only container of an egress proxy.
_PROXY = "squid"


@dataclass(frozen=True)
class LogOptions:
    """A choice of log lines and containers, with its defaults."""

    container: str = names.CONTAINER
    #: One pod by its name; None means all of the workload.
    pod: str | None = None
    tail: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    previous: bool = False
    egress: bool = False

    def query_of(self, workload: WorkloadHandle) -> dict[str, str]:
        """Return the query for the pods of *workload*, or for those of its egress proxy."""
        return workload.by_egress_label if self.egress else workload.by_label

    def chosen(self, pods: Iterable[Pod], workload: str) -> list[Pod]:
        """Return which of *pods* are meant: those of *workload* or of its egress proxy."""
        own = proxy_pods(pods, workload) if self.egress else own_pods(pods, workload)
        return [pod for pod in own if self.pod in (None, pod.metadata.name)]

    @property
    def query(self) -> dict[str, str]:
        """The options as the API server takes them."""
        query = {"container": self.container}
        if self.tail is not None:
            query["tailLines"] = str(self.tail)
        if self.since is not None:
            query["sinceTime"] = self.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.timestamps:
            query["timestamps"] = "true"
        if self.previous:
            query["previous"] = "true"
        return query


def log_options(workload: WorkloadHandle, follow: bool, given: LogArguments) -> LogOptions:
    """
    Return the options, checked.

    Raises:
        WorkloadInvalid: one of them makes no sense, alone or with the others.
    """
    tail, since = given.get("tail"), given.get("since")
    if follow and given.get("previous"):
        raise _invalid(workload, "previous", "what has ended cannot be followed")
    if given.get("egress"):
        for argument in ("container", "pod"):
            if given.get(argument) is not None:
                raise _invalid(
                    workload, argument, "an egress proxy has one container; leave it out"
                )
    if since is not None and not isinstance(since, datetime):
        since = datetime.now(UTC) - timedelta(seconds=since)
    return LogOptions(
        container=_PROXY if given.get("egress") else given.get("container") or names.CONTAINER,
        pod=pod_name(workload, given.get("pod")),
        tail=tail,
        since=since,
        timestamps=given.get("timestamps", False),
        previous=given.get("previous", False),
        egress=given.get("egress", False),
    )


def pod_name(workload: WorkloadHandle, pod: str | int | None) -> str | None:
    """
    Return the name of the pod that a caller names, or whose replica's number it gives.

    Raises:
        WorkloadInvalid: the workload can have no pod of that name.
    """
    name = f"{workload.name}-{pod}" if isinstance(pod, int) else pod
    if name is not None and number_of(name, workload.name) is None:
        raise _invalid(workload, "pod", f"{name!r} is no pod of it: {workload.name}-0 would be")
    return name


async def read_logs(workload: WorkloadHandle, options: LogOptions) -> str:
    """
    Return what the containers have printed, pod after pod; of several, each line names its pod.

    Raises:
        WorkloadNotRunning: nothing has run yet that could have printed anything, or there is no
            egress proxy.
    """
    pods = await (pods_of_proxy(workload) if options.egress else pods_of(workload, options.pod))
    for pod in pods:
        require_container(workload, pod, options.container)
    spoken = [pod for pod in pods if _has_log(pod, options)]
    if not spoken:
        raise _no_log(workload, pods, options)
    texts = [await _read(workload, pod, options) for pod in spoken]
    if len(pods) == 1:
        return texts[0]
    return "".join(
        f"[{pod.metadata.name}] {line}\n"
        for pod, text in zip(spoken, texts, strict=True)
        for line in text.removesuffix("\n").split("\n")
        if text
    )


async def pods_of(workload: WorkloadHandle, name: str | None = None) -> list[Pod]:
    """
    Return the workload's pods, or the one of that name, by their numbers.

    Raises:
        WorkloadNotFound: there is no such workload.
        WorkloadNotRunning: it has no such pods.
    """
    found = await workload.read()
    pods = own_pods(await workload.pods(about=workload.key), workload.name)
    pods = [pod for pod in pods if name in (None, pod.metadata.name)]
    if not pods:
        raise no_pods(workload, found, name)
    return pods


async def pods_of_proxy(workload: WorkloadHandle) -> list[Pod]:
    """
    Return the pods of the workload's egress proxy, by name.

    Raises:
        WorkloadNotFound: there is no such workload.
        WorkloadNotRunning: it has no egress proxy, or none that runs.
    """
    found = await workload.read()
    pods = await workload.pods(about=workload.key, query=workload.by_egress_label)
    if own := proxy_pods(pods, workload.name):
        return own
    if is_stopped(found):
        raise no_pods(workload, found)
    why = "its network is not isolated"
    if found["spec"].get("isolateNetwork"):
        why = "only a permission profile that lists hosts or ports, and not all, makes one"
    raise WorkloadNotRunning(
        f"it has no egress proxy: {why}", workload=workload.key, reason="NoEgressProxy"
    )


def no_pods(workload: WorkloadHandle, found: Body, name: str | None = None) -> WorkloadNotRunning:
    """Return the error for a workload without pods, by its mode and by *name*."""
    if is_stopped(found) or found["spec"].get("replicas", 1) == 0:
        return WorkloadNotRunning(
            "it is stopped, and has no pods",
            workload=workload.key,
            reason="Stopped",
            advice="start it with start_workload",
        )
    return WorkloadNotRunning(
        f"there is no pod {name}" if name else "it has no pods yet",
        workload=workload.key,
        reason="NoPod",
        advice="get_workload_info reports the reason",
    )


def require_container(workload: WorkloadHandle, pod: Pod, container: str) -> None:
    """Raise unless the pod has a container of that name."""
    have = containers_of(pod)
    if container not in have:
        words = f"pod {pod.metadata.name} has no container {container!r}"
        raise _invalid(workload, "container", f"{words}, but {', '.join(have)}")


def _has_log(pod: Pod, options: LogOptions) -> bool:
    if options.previous:
        last = last_ended(pod, options.container)
        return bool(last and last.container_id) or bool(_ended_now(pod, options))
    return newest_instance(pod, options.container) is not None


def _no_log(
    workload: WorkloadHandle, pods: Sequence[Pod], options: LogOptions
) -> WorkloadNotRunning:
    if options.previous:
        return WorkloadNotRunning(
            f"container {options.container} has not ended yet: there is no previous log",
            workload=workload.key,
            reason="NoPrevious",
        )
    reason = waiting_reason(pods[0], options.container)
    return WorkloadNotRunning(
        f"container {options.container} has not run yet: {reason}",
        workload=workload.key,
        reason=reason,
        advice="get_workload_info reports the reason",
    )


async def _read(workload: WorkloadHandle, pod: Pod, options: LogOptions) -> str:
    if options.tail == 0:
        return ""  # the API server takes it for no limit
    if options.previous:
        return await _read_previous(workload, pod, options)
    return await _fetch(workload, pod, options)


async def _read_previous(workload: WorkloadHandle, pod: Pod, options: LogOptions) -> str:
    """Return the log of the instance that ended last, which is `previous` once another runs."""
    while ended := _ended_now(pod, options):
        text = await _fetch(workload, pod, replace(options, previous=False))
        pod = await workload.pod(pod.metadata.name)
        if _ended_now(pod, options) == ended:
            return text
    return await _fetch(workload, pod, options)


def _ended_now(pod: Pod, options: LogOptions) -> str:
    """Return the id of the instance that ended and is not restarted yet; empty without one."""
    ended = state_of(pod, options.container).terminated
    return ended.container_id if ended is not None else ""


async def _fetch(workload: WorkloadHandle, pod: Pod, options: LogOptions) -> str:
    path = core_path("pods", workload.namespace, pod.metadata.name, "log")
    return await workload.connection.read_text(path, options.query, workload.key)


def _invalid(workload: WorkloadHandle, argument: str, words: str) -> WorkloadInvalid:
    return WorkloadInvalid(
        f"{argument}: {words}", workload=workload.key, reason="Invalid", fields=(argument,)
    )
