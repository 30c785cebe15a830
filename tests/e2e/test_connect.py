"""`connect` on a real cluster: one local port, whatever becomes of the pods behind it."""

import asyncio
import signal

import pytest
from mcp import Client

from mcpworkload.cli.codes import ExitCode
from tests.support.command_line import mcpworkload, started
from tests.support.manifests import EVERYTHING, make_workload
from tests.support.namespace import Namespace

NAME = "everything"


async def echo(url: str, words: str) -> str:
    """What the server's tool says, to a client of its own."""
    async with asyncio.timeout(60), Client(url, read_timeout_seconds=45) as client:
        answer = await client.call_tool("echo", {"message": words})
    return str(answer.content[0].text)  # type: ignore[union-attr]


@pytest.mark.long
async def test_a_local_port_outlives_the_pod(namespace: Namespace) -> None:
    """A tool is called, the pod deleted, and the tool called through the same port."""
    await namespace.settle(make_workload(NAME, image=EVERYTHING, replicas=1), 90)
    key = f"{namespace.name}/{NAME}"
    async with started(namespace.name, "connect", NAME, "--port", "0") as connecting:
        assert connecting.stdout is not None
        url = (await connecting.stdout.readline()).decode().strip()
        assert url.startswith("http://127.0.0.1:")
        assert await echo(url, "before") == "Echo: before"

        uid = (await namespace.get("Pod", f"{NAME}-0"))["metadata"]["uid"]
        await namespace.delete("Pod", f"{NAME}-0")
        assert await echo(url, "after") == "Echo: after"
        assert (await namespace.get("Pod", f"{NAME}-0"))["metadata"]["uid"] != uid

        connecting.send_signal(signal.SIGINT)
        _, said = await connecting.communicate()
    assert connecting.returncode == ExitCode.INTERRUPTED
    assert f"leads to {key}" in said.decode()
    assert not any(line.startswith("error:") for line in said.decode().splitlines())

    printed = await mcpworkload(namespace.name, "connect", NAME, "--print-config", "cursor")
    assert f'"{NAME}"' in printed.out
