"""What an MCPWorkload says to users of the library."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from mcpworkload.kube.objects import Pod
from mcpworkload.runtime import ContainerInfo, PortMapping, ServerInfo
from mcpworkload.runtime.info import info_of, transport_port_of, verdict_of
from mcpworkload.runtime.instances import newest_start
from mcpworkload.runtime.readiness import is_every_container_ready
from tests.support.parsed import make_body


def make_status(**conditions: tuple[str, str]) -> dict[str, Any]:
    """A status about the first generation: each condition with its status and reason."""
    return {
        "observedGeneration": 1,
        "url": "http://weather.team.svc:8080/mcp",
        "readyReplicas": 1,
        "conditions": [
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": "words",
                "observedGeneration": 1,
            }
            for kind, (status, reason) in conditions.items()
        ],
    }


def make_live(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """An MCPWorkload as the API server has it."""
    body: dict[str, Any] = make_body(status=status, **spec)
    body["metadata"].update(creationTimestamp="2026-11-23T12:00:00Z", labels={"team": "sky"})
    return body


AFTER = "2026-11-23T14:00:00Z"
READY = {"Ready": ("True", "Ready"), "Available": ("True", "ReplicasReady")}


def test_everything_that_is_known_is_in_the_info() -> None:
    """The original left ports and times empty, and took the image of any container."""
    ports = [{"name": "metrics", "port": 9090, "servicePort": 80, "protocol": "TCP"}]
    live = make_live(make_status(**READY), ports=ports, service={"type": "ClusterIP"}, replicas=2)

    assert info_of(live) == ContainerInfo(
        id="team/weather",
        name="weather",
        namespace="team",
        image="weather:1",
        status="Ready: words",
        state="running",
        created=datetime(2026, 11, 23, 12, tzinfo=UTC),
        labels={"team": "sky"},
        ports=(PortMapping(8080, 8080), PortMapping(9090, 80)),
        transport="streamable-http",
        url="http://weather.team.svc:8080/mcp",
        replicas=2,
        ready_replicas=1,
        restarts=0,
        reason="Ready",
    )


SERVER = {
    "era": "modern",
    "protocolVersion": "2026-07-28",
    "supportedVersions": ["2026-07-28"],
    "name": "weather",
    "title": "Weather",
    "version": "1.4",
    "instructionsLength": 12,
    "capabilities": ["prompts", "tools"],
    "tools": {"count": 3, "digest": "sha256:abc"},
    "prompts": {"count": 0},
}


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (None, None),
        (
            SERVER,
            ServerInfo(
                era="modern",
                protocol_version="2026-07-28",
                supported_versions=("2026-07-28",),
                name="weather",
                title="Weather",
                version="1.4",
                instructions_length=12,
                capabilities=("prompts", "tools"),
                tools_count=3,
                tools_digest="sha256:abc",
                prompts_count=0,
            ),
        ),
        ({"era": "legacy"}, ServerInfo(era="legacy")),
        (
            {"era": "legacy", "tools": {"count": 9000}},
            ServerInfo(era="legacy", tools_count=9000),
        ),
    ],
    ids=["no answer", "all", "the least", "a list too long"],
)
def test_what_the_server_said_of_itself(
    server: dict[str, Any] | None, expected: ServerInfo | None
) -> None:
    """What it offers none of is None, not 0."""
    status = make_status(**READY) | ({"server": server} if server else {})

    assert info_of(make_live(status)).server == expected


def test_verification_is_the_reason_of_its_condition() -> None:
    """For the newest generation only; empty where the operator does not verify."""
    verified = make_live(make_status(**READY, Verified=("Unknown", "Unreachable")))
    assert info_of(verified).verification == "Unreachable"
    assert info_of(make_live(make_status(**READY))).verification == ""

    verified["metadata"]["generation"] = 2

    assert info_of(verified).verification == ""


def test_a_headless_service_translates_no_port() -> None:
    """What the info says is what a client can use."""
    ports = [{"name": "metrics", "port": 9090, "servicePort": 80}]

    assert info_of(make_live(ports=ports)).ports[1] == PortMapping(9090, 9090)


@pytest.mark.parametrize(
    ("transport", "port"),
    [
        ({"type": "stdio", "stdio": {"bridge": "None"}}, 0),
        ({"type": "stdio", "port": 9000, "stdio": {"bridge": "None"}}, 0),
        ({"type": "stdio", "stdio": {"bridge": "Inject"}}, 8080),
        ({"type": "stdio"}, 8080),
        ({"type": "sse", "port": 9000}, 9000),
    ],
)
def test_what_nothing_serves_has_no_port(transport: dict[str, Any], port: int) -> None:
    """Further ports of the container are its own."""
    live = make_live(ports=[{"name": "metrics", "port": 9090}])
    live["spec"]["transport"] = transport

    assert transport_port_of(live["spec"]) == port
    own = [PortMapping(port, port)] if port else []
    assert list(info_of(live).ports) == [*own, PortMapping(9090, 9090)]


def make_started(name: str, server: dict[str, Any], sidecar: str = "") -> Pod:
    """A pod whose server's container is in that state."""
    statuses = [{"name": "mcp", "containerID": "c", "state": server}]
    if sidecar:
        state = {"running": {"startedAt": sidecar}}
        statuses.append({"name": "helper", "containerID": "d", "state": state})
    spec = {"containers": [{"name": "mcp"}, {"name": "helper"}]}
    status = {"containerStatuses": statuses}
    return msgspec.convert({"metadata": {"name": name}, "spec": spec, "status": status}, Pod)


def test_it_started_when_the_newest_of_its_servers_did() -> None:
    """Sidecars, what has ended, and pods of others do not count."""
    pods = [
        make_started("w-0", {"running": {"startedAt": "2026-11-23T12:00:00Z"}}, AFTER),
        make_started("w-1", {"running": {"startedAt": "2026-11-23T13:00:00Z"}}),
        make_started("w-2", {"terminated": {"containerID": "c", "startedAt": AFTER}}),
        make_started("other-0", {"running": {"startedAt": AFTER}}),
    ]

    assert newest_start(pods, "w") == datetime(2026, 11, 23, 13, tzinfo=UTC)
    assert newest_start(pods[2:], "w") is None


@pytest.mark.parametrize(
    ("status", "spec", "state"),
    [
        pytest.param(None, {}, "starting", id="not looked at yet"),
        pytest.param(make_status(Ready=("False", "Starting")), {}, "starting", id="starting"),
        pytest.param(make_status(**READY), {}, "running", id="ready"),
        pytest.param(
            make_status(Available=("True", "ReplicasReady"), Ready=("False", "Updating")),
            {},
            "running",
            id="serves while it is updated",
        ),
        pytest.param(make_status(Ready=("False", "CrashLooping")), {}, "failed", id="crashes"),
        pytest.param(make_status(Ready=("False", "Pending")), {}, "starting", id="not yet asked"),
        pytest.param(make_status(Ready=("False", "NotMcp")), {}, "failed", id="no MCP server"),
        pytest.param(
            make_status(Ready=("False", "Updating")),
            {"operatingMode": "Stopped"},
            "stopping",
            id="pods still end",
        ),
        pytest.param(
            make_status(Ready=("True", "Stopped")),
            {"operatingMode": "Stopped"},
            "stopped",
            id="stopped",
        ),
        pytest.param(
            make_status(Ready=("True", "ScaledToZero")),
            {"replicas": 0},
            "stopped",
            id="no replicas",
        ),
    ],
)
def test_the_state_is_one_word(
    status: dict[str, Any] | None, spec: dict[str, Any], state: str
) -> None:
    """For programs; the status is for people."""
    assert info_of(make_live(status, **spec)).state == state


def test_a_condition_of_an_older_generation_does_not_count() -> None:
    """The original took the readiness of the pods before the change for that of those after."""
    live = make_live(make_status(**READY))
    assert verdict_of(live).is_ready

    live["metadata"]["generation"] = 2

    assert not verdict_of(live).is_ready


def make_pod(*, proxy_ready: bool = True, deleted: bool = False) -> Pod:
    """A running pod of a server and a native sidecar, the sidecar ready or not."""
    pod = {
        "metadata": {"name": "w-0", **({"deletionTimestamp": "now"} if deleted else {})},
        "spec": {
            "containers": [{"name": "mcp"}],
            "initContainers": [{"name": "fetch"}, {"name": "proxy", "restartPolicy": "Always"}],
        },
        "status": {
            "containerStatuses": [{"name": "mcp", "ready": True, "state": {"running": {}}}],
            "initContainerStatuses": [
                {"name": "fetch", "ready": True, "state": {"terminated": {}}},
                {"name": "proxy", "ready": proxy_ready, "state": {"running": {}}},
            ],
        },
    }
    return msgspec.convert(pod, Pod)


def test_every_container_counts() -> None:
    """The original was content with one ready pod, whatever ran in it."""
    assert is_every_container_ready([make_pod()], 1)
    assert not is_every_container_ready([make_pod(proxy_ready=False)], 1)
    assert not is_every_container_ready([make_pod()], 2)
    assert not is_every_container_ready([], 0)
    assert not is_every_container_ready([make_pod(deleted=True)], 1)
