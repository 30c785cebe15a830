"""The mistakes that most people make, told by what they look like."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mcpworkload.controller.status import StatusInput
from tests.support.parsed import NOON, make_event, make_observation, make_pod, make_workload
from tests.support.statuses import status_for
from tests.support.stdio_specs import COMMAND, stdio

HTTP = {"transport": {"type": "streamable-http"}}
SSE = {"transport": {"type": "sse", "port": 3000}}
STDIO = "speak stdio: transport.type: stdio"
LOOPBACK = "127.0.0.1 only"
LONG_AGO = NOON - timedelta(minutes=5)


def said_of(pod: Any, *events: Any, **spec: Any) -> str:
    """The message of Available."""
    observation = replace(make_observation(pod), pod_events={pod.metadata.uid: events})
    status = status_for(StatusInput.of(make_workload(**spec)), observation)
    return str(status["conditions"][1]["message"])


def ended(code: int, printed: str = "", name: str = "mcp", lived: int = 2, reason: str = "") -> Any:
    """A pod of which one container ends by itself, after so many seconds."""
    reason = reason or ("Error" if code else "Completed")
    state = {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "message": printed,
            "startedAt": (LONG_AGO - timedelta(seconds=lived)).isoformat(),
            "finishedAt": LONG_AGO.isoformat(),
        }
    }
    if name == "mcp":
        return make_pod(container={"state": state})
    containers = [{"name": name, "state": state}]
    return make_pod(containerStatuses=containers)


@pytest.mark.parametrize(
    ("pod", "spec", "is_told"),
    [
        pytest.param(ended(0), HTTP, True, id="it reads the end of its input"),
        pytest.param(ended(0), SSE, True, id="over SSE"),
        pytest.param(ended(1, 'x\n{"jsonrpc": "2.0"}'), HTTP, True, id="it prints JSON-RPC"),
        pytest.param(
            ended(1, '{"jsonrpc":"2.0"}'),
            {**HTTP, "reportLogTail": False},
            True,
            id="it prints JSON-RPC, which is not quoted",
        ),
        pytest.param(ended(1, "no key"), HTTP, False, id="it complains of something else"),
        pytest.param(ended(1, 'POST /mcp {"jsonrpc": "2.0"}'), HTTP, False, id="it logs requests"),
        pytest.param(
            ended(1, '12:00 {"a": {\n"b", "jsonrpc": "2.0"}'), HTTP, False, id="over two lines"
        ),
        pytest.param(
            ended(137, '{"jsonrpc": "2.0"}', reason="OOMKilled"), HTTP, False, id="out of memory"
        ),
        pytest.param(ended(0, lived=59), HTTP, True, id="it ends within a minute"),
        pytest.param(ended(0, lived=61), HTTP, False, id="it ends later"),
        pytest.param(ended(0), {**HTTP, "stdin": True}, False, id="its input does not end"),
        pytest.param(ended(0, name="proxy"), HTTP, False, id="a sidecar"),
        pytest.param(ended(0), stdio(**COMMAND), False, id="it is served over stdio already"),
        pytest.param(ended(0), stdio({"bridge": "None"}), False, id="and by nobody"),
    ],
)
def test_an_image_that_may_speak_stdio(pod: Any, spec: dict[str, Any], is_told: bool) -> None:
    """What to write; and what it was told to do instead."""
    message = said_of(pod, **spec)

    assert (STDIO in message) is is_told
    if is_told and "code 0" in message:
        assert f"MCP_TRANSPORT={spec['transport']['type']}" in message
    if spec.get("reportLogTail") is False:
        assert "2.0" not in message


def running(said: str, name: str = "mcp") -> tuple[Any, Any]:
    """A pod that runs and is refused, and the kubelet's words."""
    container = {"state": {"running": {"startedAt": LONG_AGO}}}
    event = make_event("Unhealthy", said, about=name)
    if name == "mcp":
        return make_pod(container=container, since=LONG_AGO), event
    sidecar = {"initContainers": [{"name": name, "restartPolicy": "Always"}]}
    statuses = [{"name": name, **container}]
    return make_pod(spec=sidecar, since=LONG_AGO, initContainerStatuses=statuses), event


TCP = "dial tcp 10.0.0.7:{port}: connect: connection refused"
GET = 'Get "http://10.0.0.7:{port}/x": ' + TCP


@pytest.mark.parametrize("words", [TCP, GET], ids=["tcpSocket", "httpGet"])
@pytest.mark.parametrize("probe", ["Startup", "Readiness", "Liveness"])
@pytest.mark.parametrize(
    ("name", "port", "spec", "may_speak_stdio"),
    [
        pytest.param("mcp", 8080, HTTP, True, id="the server"),
        pytest.param("mcp", 3000, SSE, True, id="on another port"),
        pytest.param("mcp", 9, HTTP, False, id="a port of the user's"),
        pytest.param("proxy", 8080, HTTP, False, id="a sidecar"),
        pytest.param("mcp", 9000, stdio({"bridge": "None"}), False, id="no bridge"),
    ],
)
def test_connection_refused(
    probe: str, words: str, name: str, port: int, spec: dict[str, Any], may_speak_stdio: bool
) -> None:
    """It listens elsewhere, on itself alone, or not at all."""
    pod, event = running(f"{probe} probe failed: {words.format(port=port)}", name)

    message = said_of(pod, event, **spec)

    assert message.startswith(f"pod weather-0, container {name}: {probe} probe failed: ")
    assert LOOPBACK in message
    assert (STDIO in message) is may_speak_stdio


def test_a_registry_that_refuses_is_no_server() -> None:
    """The node asked it, not the kubelet's probe."""
    waiting = {
        "reason": "ErrImagePull",
        "message": "dial tcp 10.0.0.7:80: connect: connection refused",
    }
    message = said_of(make_pod(container={"state": {"waiting": waiting}}), **HTTP)
    assert message.endswith("connection refused")


def test_other_words_stand_alone() -> None:
    """Something answers there."""
    pod, event = running("Readiness probe failed: HTTP probe failed with statuscode: 500")
    assert said_of(pod, event, **HTTP).endswith("statuscode: 500")
