"""`tools` and `call`: what they take, and how it ends where no server can be talked to."""

import asyncio
from typing import Any

import pytest

from mcpworkload.cli.codes import ExitCode
from mcpworkload.cli.endpoint import is_sse
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime import RightsMissing
from tests.support.commands import CommandHarness, Manifest, make_body


def make_pod(name: str, *, ready: bool = True, **metadata: str) -> Manifest:
    """A pod of the workload."""
    condition = {"type": "Ready", "status": str(ready)}
    return {"metadata": {"name": name, **metadata}, "status": {"conditions": [condition]}}


def with_pods(*pods: Manifest, **answers: Any) -> CommandHarness:
    """A workload with those pods."""
    return CommandHarness(
        make_body(), answers={core_path("pods", "demo"): {"items": list(pods)}, **answers}
    )


@pytest.mark.parametrize(
    ("pods", "words", "said"),
    [
        ((), (), "no pod is ready"),
        ((make_pod("weather-0", ready=False),), (), "no pod is ready"),
        ((make_pod("weather-0", deletionTimestamp="now"),), (), "no pod is ready"),
        ((make_pod("weather-0"),), ("--replica", "1"), "pod weather-1 is not ready"),
    ],
    ids=["none", "not ready", "ending", "another"],
)
def test_without_a_pod_to_talk_to(
    pods: tuple[Manifest, ...], words: tuple[str, ...], said: str
) -> None:
    """The exit code is that of a workload that is not ready."""
    result = with_pods(*pods).run("tools", "weather", *words)

    assert result.exit_code == ExitCode.NOT_READY
    assert said in result.stderr


def test_a_missing_right_is_not_hidden_by_the_client() -> None:
    """What keeps the port-forward from working is said, not that a local port did not answer."""

    def refuse(_: Any) -> None:
        raise RightsMissing("pods/portforward is forbidden", advice="ask")

    path = core_path("pods", "demo", "weather-0", "portforward")
    harness = with_pods(make_pod("weather-0"), **{path: refuse})

    result = harness.run("tools", "weather")

    assert result.exit_code == ExitCode.NO_CLUSTER
    assert result.stderr == "error: pods/portforward is forbidden (ask)\n"


def test_a_server_without_a_bridge_cannot_be_talked_to() -> None:
    """It has no URL; the message says why."""
    body = make_body(url="")
    body["spec"]["transport"] = {"type": "stdio", "stdio": {"bridge": "None"}}

    result = CommandHarness(body).run("tools", "weather")

    assert result.exit_code == ExitCode.USAGE
    assert "it is not served over HTTP (transport.stdio.bridge is None)" in result.stderr


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        ({"type": "sse"}, True),
        ({"type": "streamable-http"}, False),
        ({"type": "stdio"}, False),
        ({"type": "stdio", "stdio": {"serve": ["sse"]}}, True),
        ({"type": "stdio", "stdio": {"serve": ["sse", "streamable-http"]}}, False),
    ],
)
def test_which_transport_the_url_speaks(transport: dict[str, Any], expected: bool) -> None:
    """The newer one where there are both."""
    assert is_sse(transport) is expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("city",), "'city' is no argument"),
        (("=Oslo",), "'=Oslo' is no argument"),
        (("days:=many",), "days: 'many' is not JSON"),
        (("--json", "[1]"), "--json: write one object"),
        (("--json", "@/nothing"), "--json: it cannot be read"),
    ],
)
def test_arguments_that_cannot_be_meant(words: tuple[str, ...], said: str) -> None:
    """Nothing is asked of the cluster before they are understood."""
    harness = with_pods(make_pod("weather-0"))

    result = harness.run("call", "weather", "forecast", *words)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert harness.connection.requests == []


async def test_a_port_forward_leaves_nothing_behind() -> None:
    """No task and no socket, though a connection was open when the block ended."""
    from typing import cast

    from mcpworkload.runtime.portforward import PortForward

    path = core_path("pods", "demo", "weather-0", "portforward")
    began = asyncio.Event()

    async def hang(_: Any) -> None:
        began.set()
        await asyncio.Event().wait()

    connection = cast("Any", with_pods(**{path: lambda _: hang(_)}).connection)
    before = asyncio.all_tasks()
    async with PortForward(connection, "demo", "weather-0", 8080).open() as forward:
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.port)
        await began.wait()

    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == before
