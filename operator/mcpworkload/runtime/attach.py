"""Attaching to a container of a workload that runs now."""

from mcpworkload.kube.objects import Pod
from mcpworkload.runtime.attachment import ContainerAttachment
from mcpworkload.runtime.errors import WorkloadNotRunning
from mcpworkload.runtime.instances import newest_instance, waiting_reason
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.logs import pod_name, pods_of, require_container

# A container may be restarted between the look at it and the connection to it.
_ATTEMPTS = 3


async def attach(
    workload: WorkloadHandle, container: str, pod: str | int | None = None
) -> ContainerAttachment:
    """
    Attach to the instance that runs now.

    Raises:
        WorkloadNotRunning: none does, or it ended each time before the connection stood.
    """
    name = pod_name(workload, pod)
    for _ in range(_ATTEMPTS):
        found = _running(workload, await pods_of(workload, name), container)
        attachment = ContainerAttachment(workload, found, container)
        if await attachment.open():
            return attachment
    raise WorkloadNotRunning(
        f"container {container} was restarted each time that it was attached to",
        workload=workload.key,
        reason="Restarted",
    )


def _running(workload: WorkloadHandle, pods: list[Pod], container: str) -> Pod:
    for pod in pods:
        require_container(workload, pod, container)
        instance = newest_instance(pod, container)
        if instance is not None and not instance.is_over:
            return pod
    reason = waiting_reason(pods[0], container)
    raise WorkloadNotRunning(
        f"container {container} of pod {pods[0].metadata.name} does not run: {reason}",
        workload=workload.key,
        reason=reason,
        advice="get_workload_logs with previous=True may say why",
    )
