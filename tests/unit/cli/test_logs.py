"""`logs --egress`: what an egress proxy has refused, readable, and all else as it is."""

import json
from typing import Any

import pytest

from mcpworkload.cli.codes import ExitCode
from tests.support.commands import CommandHarness, make_body

DENIAL = {
    "time": "2026-11-26T19:02:11Z",
    "client": "10.0.0.9",
    "method": "CONNECT",
    "host": "evil.example.com",
    "port": "443",
    "status": "403",
    "why": "host",
}
READABLE = "19:02:11 CONNECT evil.example.com:443 denied: not in network.outbound.allowHost"
PODS = "/api/v1/namespaces/demo/pods"


def make_pod(name: str) -> dict[str, Any]:
    """A pod of the proxy."""
    owner = {"kind": "ReplicaSet", "name": "weather-egress-1", "uid": "o", "controller": True}
    status = {"name": "squid", "state": {"running": {}}, "containerID": "c"}
    return {
        "metadata": {"name": name, "uid": name, "ownerReferences": [owner]},
        "spec": {"containers": [{"name": "squid"}]},
        "status": {"containerStatuses": [status]},
    }


def run(text: str, *words: str, pods: int = 1) -> str:
    """What the command prints where the proxy has printed *text*."""
    body = make_body()
    body["spec"]["isolateNetwork"] = True
    items = [make_pod(f"weather-egress-1-{number}") for number in range(pods)]
    harness = CommandHarness(body, answers={PODS: {"items": items}})

    async def read_text(*_: object) -> str:
        return text

    harness.connection.read_text = read_text  # type: ignore[attr-defined]
    result = harness.run("logs", "weather", "--egress", *words)
    assert result.exit_code == ExitCode.OK, result.stderr
    return result.stdout


def test_a_denial_is_one_readable_line() -> None:
    """What is none is printed as it is, and nothing is added at the end."""
    text = f"2026/11/26 19:02:10| Starting Squid\n{json.dumps(DENIAL)}\n{{broken\n"

    assert run(text) == f"2026/11/26 19:02:10| Starting Squid\n{READABLE}\n{{broken\n"
    assert run("") == ""


def test_what_stands_before_a_denial_stays() -> None:
    """A time that was asked for, and the pod while there are two."""
    stamp = "2026-11-26T19:02:11.000000001Z"

    assert run(f"{stamp} {json.dumps(DENIAL)}\n", "--timestamps") == f"{stamp} {READABLE}\n"
    assert run(f"{json.dumps(DENIAL)}\n", pods=2).splitlines() == [
        f"[weather-egress-1-0] {READABLE}",
        f"[weather-egress-1-1] {READABLE}",
    ]


@pytest.mark.parametrize("more", [(), ("-f",)])
def test_a_workload_without_a_proxy_says_so(more: tuple[str, ...]) -> None:
    """With the reason, and the exit code of what does not run."""
    harness = CommandHarness(make_body(), answers={PODS: {"items": []}})

    result = harness.run("logs", "weather", "--egress", *more)

    assert result.exit_code == ExitCode.NOT_READY
    assert "it has no egress proxy: its network is not isolated" in result.stderr


def test_options_of_the_server_are_refused() -> None:
    """In the words of the command line."""
    result = CommandHarness(make_body()).run("logs", "weather", "--egress", "-c", "mcp")

    assert result.exit_code == ExitCode.USAGE
    assert "--container: an egress proxy has one container" in result.stderr
