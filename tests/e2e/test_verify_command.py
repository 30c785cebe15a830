"""Verification from the command line, against servers on a kubelet and the operator's verdict."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.cli.codes import ExitCode
from tests.support.command_line import mcpworkload, started
from tests.support.manifests import EVERYTHING, SMALL, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import has, has_condition
from tests.support.stdio import make_time

NAME = "everything"
RUN = ("run", EVERYTHING, "--name", NAME)
OTHER_TOOLS = "sha256:" + "0" * 64
# Runs, and listens on nothing; or where only a port-forward comes.
DEAF = ["python3", "-I", "-S", "-c", "import time; time.sleep(600)"]
LOCAL = """
from mcp.server import MCPServer
server = MCPServer("local")
@server.tool()
async def hello() -> str:
    return "hello"
server.run("streamable-http", host="127.0.0.1", port=8080)
"""


def make_server(name: str, image: str, **spec: Any) -> dict[str, Any]:
    """A workload with one pod that ends at once."""
    return make_workload(name, image=image, replicas=1, terminationGracePeriodSeconds=1, **spec)


def make_wrong_path() -> dict[str, Any]:
    """A server whose endpoint is elsewhere; no hook of its pod asks for the wrong path."""
    return make_server(NAME, EVERYTHING, transport={"type": "streamable-http", "path": "/wrong"})


@pytest.mark.long
async def test_tools_are_pinned_digested_and_compared(namespace: Namespace, tmp_path: Path) -> None:
    """One digest, whoever reads it: the operator, the command, the pin."""
    run = await mcpworkload(namespace.name, *RUN, "--pin-tools")
    assert run.code == ExitCode.OK, run.err
    assert run.out.endswith("; its tools are pinned\n")

    body = await namespace.get("MCPWorkload", NAME)
    server = body["status"]["server"]
    digest = (await mcpworkload(namespace.name, "tools", NAME, "--digest")).out.strip()
    assert digest == server["tools"]["digest"] == body["spec"]["verification"]["expectTools"]

    saved = tmp_path / "tools.json"
    saved.write_text((await mcpworkload(namespace.name, "tools", NAME, "-o", "json")).out)
    assert len(json.loads(saved.read_text())) == server["tools"]["count"]
    same = await mcpworkload(namespace.name, "tools", NAME, "--diff", str(saved))
    assert (same.code, same.out) == (ExitCode.OK, "")
    tools = json.loads(saved.read_text())
    saved.write_text(json.dumps([{**tools[0], "description": "another"}, *tools[1:]]))
    other = await mcpworkload(namespace.name, "tools", NAME, "--diff", str(saved))
    assert (other.code, other.out) == (ExitCode.FAILED, f"~ {tools[0]['name']} (description)\n")

    listed = json.loads((await mcpworkload(namespace.name, "list", "-o", "json")).out)
    assert (listed[0]["verification"], listed[0]["server"]["toolsDigest"]) == (
        "HandshakeOk",
        digest,
    )
    wide = (await mcpworkload(namespace.name, "list", "-o", "wide")).out
    assert server["name"] in wide
    assert server["era"] in wide


@pytest.mark.long
async def test_a_pin_that_no_longer_holds_is_reported_and_renewed(namespace: Namespace) -> None:
    """The server is well, its tools are others; the next `run --pin-tools` accepts them."""
    assert (await mcpworkload(namespace.name, *RUN)).code == ExitCode.OK
    async with started(namespace.name, "monitor", NAME, "-o", "json") as monitor:
        assert monitor.stderr is not None
        assert (await monitor.stderr.readline()).startswith(b"watching")
        change = {"spec": {"verification": {"expectTools": OTHER_TOOLS}}}
        await namespace.patch("MCPWorkload", NAME, change)
        await namespace.until("MCPWorkload", NAME, has_condition("Ready", "False", "ToolsChanged"))
        assert monitor.stdout is not None
        told = json.loads(await monitor.stdout.readline())
    assert (told["kind"], told["reason"]) == ("WorkloadUnverified", "ToolsChanged")

    verified = await mcpworkload(namespace.name, "verify", NAME)
    assert verified.code == ExitCode.OK
    assert "Verified=False, ToolsChanged" in verified.out
    # What somebody else has written is theirs: only they take it back.
    kept = await mcpworkload(namespace.name, *RUN, "--pin-tools", "--timeout", "5")
    assert kept.code == ExitCode.NOT_READY
    await namespace.patch("MCPWorkload", NAME, {"spec": {"verification": {"expectTools": None}}})
    assert (await mcpworkload(namespace.name, *RUN, "--pin-tools")).code == ExitCode.OK


@pytest.mark.long
async def test_a_wrong_path_is_found_though_the_pod_is_not_ready(namespace: Namespace) -> None:
    """Step by step, with the field to change and what the operator says of it."""
    await namespace.create(make_wrong_path())
    await namespace.until("MCPWorkload", NAME, has_condition("Verified", "False", "NotMcp"), 60)

    shown = await mcpworkload(namespace.name, "verify", NAME)
    data = await mcpworkload(namespace.name, "verify", NAME, "--replica", "0", "-o", "json")

    assert shown.code == data.code == ExitCode.NOT_READY
    assert "  POST /wrong server/discover -> 404" in shown.out
    assert "set transport.path to /mcp: the server answers there" in shown.out
    assert "the operator says Verified=False, NotMcp" in shown.out
    (pod,) = json.loads(data.out)["pods"]
    assert (pod["pod"], pod["result"], pod["server"]) == (f"{NAME}-0", "NotMcp", None)


@pytest.mark.long
async def test_the_bridge_answers_for_a_stdio_server(namespace: Namespace) -> None:
    """By its own account; with tools, as the operator has them."""
    body = await namespace.settle(make_time(), 90)

    verified = await mcpworkload(namespace.name, "verify", "time", "-o", "json")
    digest = await mcpworkload(namespace.name, "tools", "time", "--digest")

    assert verified.code == ExitCode.OK, verified.out
    (pod,) = json.loads(verified.out)["pods"]
    assert pod["steps"][0]["asked"] == "GET /server"
    assert digest.out.strip() == pod["server"]["toolsDigest"]
    assert digest.out.strip() == body["status"]["server"]["tools"]["digest"]


@pytest.mark.long
async def test_a_port_on_which_nothing_listens_and_one_that_only_the_pod_reaches(
    namespace: Namespace,
) -> None:
    """
    Both are refused to the operator; a port-forward ends at 127.0.0.1, so here they differ.

    A server of the Python SDK that listens there alone wants to be called by that name as well.
    """
    await namespace.create(make_server("deaf", SMALL, command=DEAF))
    await namespace.create(make_server("local", SMALL, command=["python3", "-c", LOCAL]))
    for name in ("deaf", "local"):
        await namespace.until("Pod", f"{name}-0", has("it runs", "Running", "status", "phase"))

    while "Host check" not in (await mcpworkload(namespace.name, "verify", "local")).out:
        await asyncio.sleep(0.5)
    deaf = await mcpworkload(namespace.name, "verify", "deaf")
    local = await mcpworkload(namespace.name, "verify", "local")

    assert deaf.code == ExitCode.NOT_READY
    assert "ConnectionRefused: nothing listens on port 8080 of the pod" in deaf.out
    assert "NotMcp: POST /mcp was answered with 421; the server's Host check refuses" in local.out
    assert (await namespace.get("MCPWorkload", "local"))["status"].get("server") is None
