"""Why a pod takes long, in the words of its Events, of its conditions, or of nobody."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from mcpworkload.controller.status.problems import Problem, first_problem, suspects
from mcpworkload.kube.objects import Event, Pod
from tests.support.parsed import NOON, make_event, make_pod

LONG_AGO = NOON - timedelta(minutes=5)
CREATING = {"state": {"waiting": {"reason": "ContainerCreating"}}}
SIDECAR = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
ONCE = {"initContainers": [{"name": "proxy"}]}
ATTACHING = {"initContainers": [{"name": "mcpw-bridge", "restartPolicy": "Always"}]}
INJECTED = {"initContainers": [{"name": "mcpw-bridge"}]}


def ago(seconds: float) -> datetime:
    """A moment before noon."""
    return NOON - timedelta(seconds=seconds)


def running(seconds: float = 300, **more: Any) -> dict[str, Any]:
    """A container that has been running for so long."""
    return {"state": {"running": {"startedAt": ago(seconds)}}, **more}


def problem_of(pod: Pod, *events: Event) -> str:
    """Reason and message at noon."""
    problem = first_problem([pod], NOON, {pod.metadata.uid: events})
    return f"{problem.reason}: {problem.message()}" if problem else ""


BRIDGE = {"name": "mcpw-bridge", **running()}


def not_ready(container: str) -> Event:
    """All that the kubelet says of a bridge that is not ready."""
    said = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    return make_event("Unhealthy", said, about=container)


UNHEALTHY = make_event(
    "Unhealthy",
    "Readiness probe failed: dial tcp 10.244.0.7:8080: connect: connection refused",
    about="mcp",
)


@pytest.mark.parametrize(
    ("pod", "events", "said"),
    [
        pytest.param(
            make_pod(container=running(), since=LONG_AGO),
            [UNHEALTHY],
            "ProbeFailing: pod weather-0, container mcp: Readiness probe failed: "
            "dial tcp <address>:8080: connect: connection refused",
            id="readiness never true",
        ),
        pytest.param(
            make_pod(container=running(), since=LONG_AGO),
            [],
            "ProbeFailing: pod weather-0, container mcp: it runs, but does not become ready",
            id="its probe has not said why",
        ),
        pytest.param(
            make_pod(spec=ATTACHING, since=LONG_AGO, initContainerStatuses=[BRIDGE]),
            [not_ready("mcpw-bridge")],
            "ProbeFailing: pod weather-0, container mcpw-bridge: Readiness probe failed: HTTP "
            "probe failed with statuscode: 503; its log says why: "
            "kubectl logs weather-0 --container mcpw-bridge",
            id="a bridge beside its server",
        ),
        pytest.param(
            make_pod(spec=INJECTED, since=LONG_AGO, container=running()),
            [not_ready("mcp")],
            "ProbeFailing: pod weather-0, container mcp: Readiness probe failed: HTTP probe failed "
            "with statuscode: 503; its log says why: kubectl logs weather-0 --container mcp",
            id="a bridge before its server",
        ),
        pytest.param(
            make_pod(spec=ATTACHING, since=LONG_AGO, container=running()),
            [not_ready("mcp")],
            "ProbeFailing: pod weather-0, container mcp: Readiness probe failed: HTTP probe failed "
            "with statuscode: 503",
            id="no bridge is asked there",
        ),
        pytest.param(make_pod(container=running(15), since=LONG_AGO), [UNHEALTHY], "", id="starts"),
        pytest.param(
            make_pod(container=running(), since=ago(5)),
            [UNHEALTHY],
            "",
            id="not ready for a moment",
        ),
        pytest.param(
            make_pod(
                container=running(2, lastState={"terminated": {"exitCode": 137}}), since=LONG_AGO
            ),
            [
                make_event("Unhealthy", "Startup probe failed: HTTP 500", about="mcp"),
                make_event(
                    "Killing",
                    "Container mcp failed startup probe, will be restarted",
                    about="mcp",
                ),
            ],
            "ProbeFailing: pod weather-0, container mcp: Startup probe failed: HTTP 500",
            id="killed for its probe, and running again",
        ),
        pytest.param(
            make_pod(
                container=running(2, lastState={"terminated": {"exitCode": 137}}), since=LONG_AGO
            ),
            [make_event("Unhealthy", "Startup probe failed: HTTP 503", about="mcp")],
            "CrashLooping: pod weather-0, container mcp: exited with code 137 ()",
            id="killed by somebody else, and starting again",
        ),
        pytest.param(
            make_pod(container=CREATING, since=LONG_AGO),
            [
                make_event("Scheduled", "assigned to node", ago(60)),
                make_event("FailedMount", 'SetUp failed: configmap "a" not found', ago(3)),
            ],
            'MountFailed: pod weather-0: SetUp failed: configmap "a" not found',
            id="mount",
        ),
        pytest.param(
            make_pod(container=CREATING, since=LONG_AGO),
            [
                make_event("FailedMount", "SetUp failed", ago(60)),
                make_event("Scheduled", "Successfully assigned to node", ago(2.9)),
                make_event("Pulling", 'Pulling image "weather:1"', ago(3)),
            ],
            'Starting: pod weather-0: Pulling image "weather:1"',
            id="mounted since, and pulls",
        ),
        pytest.param(
            make_pod(container=CREATING, since=LONG_AGO),
            [
                make_event("FailedMount", "SetUp failed", ago(60)),
                make_event("Pulled", "Successfully pulled image", ago(3)),
            ],
            "",
            id="pulled",
        ),
        pytest.param(
            make_pod(container=CREATING, since=LONG_AGO),
            [make_event("FailedCreatePodSandBox", f'sandbox "{"0af9" * 16}": no network')],
            'StartFailed: pod weather-0: sandbox "<id>": no network',
            id="sandbox",
        ),
        pytest.param(
            make_pod(
                spec=SIDECAR,
                since=LONG_AGO,
                initContainerStatuses=[{"name": "proxy", **running()}],
            ),
            [make_event("Unhealthy", "Startup probe failed: no", about="proxy")],
            "ProbeFailing: pod weather-0, container proxy: Startup probe failed: no",
            id="sidecar",
        ),
        pytest.param(
            make_pod(
                spec=ONCE, since=LONG_AGO, initContainerStatuses=[{"name": "proxy", **running()}]
            ),
            [],
            "Starting: pod weather-0, container proxy: the init container has not ended yet",
            id="init container at work",
        ),
    ],
)
def test_the_problem_that_events_show(pod: Pod, events: Sequence[Event], said: str) -> None:
    """Only of a pod that has had the time to become ready."""
    assert problem_of(pod, *events) == said


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        pytest.param(
            make_pod(
                phase="Failed",
                reason="Evicted",
                message="The node was low on resource: memory. Threshold quantity: 100Mi.",
            ),
            "Evicted: pod weather-0: Evicted: The node was low on resource: memory",
            id="evicted",
        ),
        pytest.param(
            make_pod(phase="Failed", reason="OutOfcpu", message="Node didn't have enough cpu"),
            "PodRefused: pod weather-0: OutOfcpu: Node didn't have enough cpu",
            id="refused by the node",
        ),
        pytest.param(
            make_pod(
                spec={"nodeName": "one"},
                container={"ready": True, **running()},
                condition={"type": "ContainersReady", "status": "True"},
            ),
            "NodeLost: pod weather-0: node one does not report",
            id="node not ready",
        ),
        pytest.param(
            make_pod(spec={"nodeName": "one"}, reason="NodeLost"),
            "NodeLost: pod weather-0: node one does not report",
            id="node lost",
        ),
        pytest.param(
            make_pod(spec={"nodeName": "one"}, terminating=True, reason="NodeLost"),
            "NodeLost: pod weather-0: node one does not confirm that the pod has ended",
            id="stuck on a lost node",
        ),
        pytest.param(
            make_pod(
                spec=ONCE,
                container={"state": {"waiting": {"reason": "PodInitializing"}}},
                initContainerStatuses=[
                    {
                        "name": "proxy",
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"exitCode": 7, "reason": "Error"}},
                    }
                ],
            ),
            "CrashLooping: pod weather-0, container proxy: exited with code 7 (Error)",
            id="init container",
        ),
        pytest.param(
            make_pod(
                spec=ONCE,
                initContainerStatuses=[
                    {
                        "name": "proxy",
                        "state": {"terminated": {"exitCode": 0, "reason": "Completed"}},
                        "lastState": {"terminated": {"exitCode": 7, "reason": "Error"}},
                    }
                ],
            ),
            "",
            id="init container that succeeded at last",
        ),
        pytest.param(
            make_pod(
                spec=SIDECAR,
                initContainerStatuses=[
                    {"name": "proxy", "state": {"terminated": {"exitCode": 0, "reason": "Done"}}}
                ],
            ),
            "CrashLooping: pod weather-0, container proxy: exited with code 0 (Done): "
            "a server runs until it is stopped",
            id="sidecar that ends",
        ),
    ],
)
def test_what_the_pod_shows(pod: Pod, said: str) -> None:
    """Nobody needs to be asked."""
    assert problem_of(pod) == said


def test_who_is_asked_about() -> None:
    """Pods that take long and do not say why; and at once those that were killed: for a probe?"""
    silent = make_pod("weather-1", container=running(), since=LONG_AGO)
    killed = make_pod(
        "weather-2",
        container=running(1, lastState={"terminated": {"exitCode": 143}}),
    )
    pods = [
        make_pod(ready=True),
        make_pod(container=running(5)),
        make_pod(container={"state": {"waiting": {"reason": "ErrImagePull"}}}, since=LONG_AGO),
        make_pod(container=running(), since=LONG_AGO, terminating=True),
        silent,
        killed,
    ]

    assert suspects(pods, NOON) == [silent, killed]


def test_words_that_were_forgotten_stay() -> None:
    """Events are kept for an hour; the problem may last longer."""
    problem = first_problem([make_pod(container=running(), since=LONG_AGO)], NOON, {})
    stored = "pod weather-0, container mcp: Readiness probe failed: HTTP 500"

    assert isinstance(problem, Problem)
    assert problem.message(stored) == stored
    assert problem.message("pod weather-1, container mcp: other") == problem.head


def test_an_image_that_is_only_waited_for_keeps_its_error() -> None:
    """Older kubelets say nothing but that they wait, every other time."""
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nope:1"'}
    problem = first_problem([make_pod(container={"state": {"waiting": waiting}})], NOON, {})
    stored = 'pod weather-0, container mcp: "nope:1": not found'

    assert problem is not None
    assert problem.message(stored) == stored
