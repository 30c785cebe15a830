"""Why a pod does not serve: the kubelet's words, without what changes from minute to minute."""

from typing import Any

import pytest

from mcpworkload.controller.status.problems import first_problem
from tests.support.parsed import NOON, make_pod


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    """A container that waits."""
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def ended(code: int, reason: str, message: str = "") -> dict[str, Any]:
    """The state of a container that ended."""
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


PULL = 'failed to pull and unpack image "nope:1": not found'


@pytest.mark.parametrize(
    ("container", "reason", "words"),
    [
        pytest.param(waiting("ErrImagePull", PULL), "ImagePullFailed", PULL, id="pull failed"),
        pytest.param(
            waiting("ImagePullBackOff", f'Back-off pulling image "nope:1": ErrImagePull: {PULL}'),
            "ImagePullFailed",
            PULL,
            id="back-off says the same",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "a" not found'),
            "ConfigError",
            'secret "a" not found',
            id="missing Secret",
        ),
        pytest.param(
            {"lastState": ended(3, "Error", "no key\n"), "restartCount": 1},
            "CrashLooping",
            "exited with code 3 (Error): no key",
            id="running again after an exit",
        ),
        pytest.param(
            {
                **waiting("CrashLoopBackOff", "back-off 10s restarting"),
                "lastState": ended(0, "Completed"),
                "restartCount": 4,
            },
            "CrashLooping",
            "exited with code 0 (Completed): a server runs until it is stopped",
            id="exit code 0",
        ),
        pytest.param(
            {"state": ended(137, "OOMKilled")},
            "OOMKilled",
            "exited with code 137 (OOMKilled): it used more memory than its limit",
            id="out of memory",
        ),
        pytest.param(
            {"state": ended(128, "StartError", "exec: no such file")},
            "StartFailed",
            "exec: no such file",
            id="command not found",
        ),
    ],
)
def test_problem_of_a_container(container: dict[str, Any], reason: str, words: str) -> None:
    """The message names pod and container."""
    problem = first_problem([make_pod(container=container)], NOON, {})

    assert problem is not None
    assert problem.reason == reason
    assert problem.message() == f"pod weather-0, container mcp: {words}"


def test_unschedulable() -> None:
    """The scheduler's words, from the pod's condition."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are",
    }

    problem = first_problem([make_pod(condition=condition)], NOON, {})

    assert problem is not None
    assert problem.reason == "Unschedulable"
    assert problem.message() == "pod weather-0: no node fits: Insufficient memory"


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(make_pod(container=waiting("ContainerCreating")), id="creating"),
        pytest.param(make_pod(ready=True), id="ready"),
        pytest.param(make_pod(container=waiting("ErrImagePull"), terminating=True), id="leaving"),
        pytest.param(make_pod(), id="nothing known"),
    ],
)
def test_no_problem(pod: Any) -> None:
    """What passes by itself is no problem."""
    assert first_problem([pod], NOON, {}) is None
