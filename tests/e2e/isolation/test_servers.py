"""Real servers with the builtin profiles: isolation takes nothing from their clients."""

import asyncio
from contextlib import AsyncExitStack

import pytest
import yaml
from mcp import Client

from tests.support.cluster import ROOT
from tests.support.kinds import Manifest
from tests.support.mcp_calls import call_tool, forwarded, list_tools
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of

SAMPLES = ROOT / "deploy" / "samples"
READY_SECONDS = 120
BUILTINS = ("none", "network")


def make_isolated(sample: str, builtin: str) -> Manifest:
    """The server of a sample, isolated, with a builtin profile."""
    manifest: Manifest = yaml.safe_load((SAMPLES / f"{sample}.yaml").read_text())
    manifest["metadata"]["name"] = f"{sample}-{builtin}"
    manifest["spec"] |= {
        "terminationGracePeriodSeconds": 4,
        "isolateNetwork": True,
        "permissionProfile": {"builtin": builtin},
    }
    return manifest


@pytest.mark.long
async def test_clients_of_isolated_servers_notice_nothing(namespace: Namespace) -> None:
    """Sessions and requests of both eras, over HTTP and through the bridge."""
    names = [f"{sample}-{builtin}" for sample in ("everything", "stdio") for builtin in BUILTINS]
    workloads = await asyncio.gather(
        *(namespace.settle(make_isolated(*name.split("-", 1)), READY_SECONDS) for name in names)
    )

    assert {condition_of(workload, "Isolated")["reason"] for workload in workloads} == {"Enforced"}
    async with AsyncExitStack() as stack:
        targets = [forwarded(namespace.name, f"pod/{name}-0", "mcp") for name in names]
        ports = [await stack.enter_async_context(target) for target in targets]
        for name, port in zip(names, ports, strict=True):
            modes = ("auto", "legacy", "2026-07-28") if name.startswith("stdio") else ("auto",)
            for mode in modes:
                await use(name, port, mode)


async def use(name: str, port: int, mode: str) -> None:
    """List the server's tools and call one, as the official client does in that mode."""
    async with Client(f"http://127.0.0.1:{port}/mcp", mode=mode) as client:
        tools = await list_tools(client)
        if name.startswith("stdio"):
            assert "get_current_time" in tools
            assert "Oslo" in await call_tool(client, "get_current_time", timezone="Europe/Oslo")
        else:
            assert {"echo", "get-sum"} <= tools
            assert await call_tool(client, "echo", message="Who is out?") == "Echo: Who is out?"
