"""Pure: whether everything in a workload's pods runs."""

from collections.abc import Sequence

from mcpworkload.kube.objects import ContainerStatus, Pod


def is_every_container_ready(pods: Sequence[Pod], replicas: int) -> bool:
    """
    Return whether *replicas* pods stay, with all containers running and ready.

    Native sidecars count; init containers that run once have to be done, which a pod's
    containers could not run without.
    """
    staying = [pod for pod in pods if not pod.metadata.deletion_timestamp]
    return len(staying) == replicas > 0 and all(_is_whole(pod) for pod in staying)


def _is_whole(pod: Pod) -> bool:
    expected = [container.name for container in pod.spec.containers]
    expected += [
        container.name
        for container in pod.spec.init_containers
        if container.restart_policy == "Always"
    ]
    reported = {container.name: container for container in pod.containers}
    return all(name in reported and _serves(reported[name]) for name in expected)


def _serves(container: ContainerStatus) -> bool:
    return container.ready and container.state.running is not None
