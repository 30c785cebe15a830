"""Talking to an MCP server in the cluster as its users do: the official client, a port-forward."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp import Client
from mcp.types import TextContent

from hack.kubectl import environment, program

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")
FORWARD_SECONDS = 45.0


@asynccontextmanager
async def forwarded(namespace: str, target: str, port: str = "mcp") -> AsyncIterator[int]:
    """A local port that leads to *port* of *target* (such as ``service/weather``)."""
    process = await asyncio.create_subprocess_exec(
        program(),
        "port-forward",
        "--namespace",
        namespace,
        target,
        f":{port}",
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), FORWARD_SECONDS)).decode()
        match = _FORWARDING.search(line)
        assert match, f"kubectl port-forward says: {line}"
        yield int(match.group(1))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def list_tools(client: Client) -> set[str]:
    """The names of the server's tools."""
    return {tool.name for tool in (await client.list_tools()).tools}


async def call_tool(client: Client, tool: str, **arguments: object) -> str:
    """The text with which the server answers a tool call."""
    result = await client.call_tool(tool, arguments)
    return " ".join(part.text for part in result.content if isinstance(part, TextContent))
