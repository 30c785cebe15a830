"""Which servers have started, so that they can be asked."""

from datetime import timedelta
from typing import Any

import pytest

from mcpworkload.api.names import BRIDGE
from mcpworkload.controller.instances import find_instances
from mcpworkload.kube.objects import Pod
from tests.support.parsed import NOON, make_pod

RUNNING = {"running": {"startedAt": NOON.isoformat()}}
STARTED = {"containerID": "c1", "started": True, "state": RUNNING}


def started_pod(**more: Any) -> Pod:
    """A pod whose server has started."""
    return make_pod(**{"container": STARTED, "podIP": "10.0.0.7", **more})


def test_a_server_that_has_started() -> None:
    """With its address, its container and its start."""
    (found,) = find_instances([started_pod(ready=True)]).values()

    assert (found.uid, found.address, found.containers) == ("weather-0-uid", "10.0.0.7", ("c1",))
    assert found.is_ready
    assert found.ran_before(NOON + timedelta(seconds=1))
    assert not found.ran_before(NOON)


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(started_pod(container=None), id="no container yet"),
        pytest.param(started_pod(container={**STARTED, "started": False}), id="starting"),
        pytest.param(started_pod(container={**STARTED, "state": {}}), id="between two runs"),
        pytest.param(started_pod(podIP=""), id="no address"),
        pytest.param(started_pod(terminating=True), id="ending"),
    ],
)
def test_nothing_to_ask(pod: Pod) -> None:
    """A server that is not there, not yet, or not any more."""
    assert find_instances([pod]) == {}


def test_a_bridge_beside_the_server_has_to_run_too() -> None:
    """It answers for the server; with either of them, it is another instance."""
    sidecar = {"initContainers": [{"name": BRIDGE, "restartPolicy": "Always"}]}
    bridge = {"name": BRIDGE, "containerID": "b1", "started": True, "state": RUNNING}

    assert find_instances([started_pod(spec=sidecar)]) == {}
    both = started_pod(spec=sidecar, initContainerStatuses=[bridge])
    (found,) = find_instances([both]).values()
    assert found.containers == ("c1", "b1")


def test_a_copier_of_the_bridge_is_done() -> None:
    """An init container of the same name that ends is nobody to ask."""
    copier = {"initContainers": [{"name": BRIDGE}]}
    (found,) = find_instances([started_pod(spec=copier)]).values()

    assert found.containers == ("c1",)
