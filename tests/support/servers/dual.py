"""A server of the official SDK, in the era that its first message asks for."""

import os
import sys
from typing import Any

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("dual", instructions="for tests")


@server.tool()
def echo(text: str) -> str:
    """Return what came."""
    return text


@server.tool()
def pid() -> int:
    """Tell which process answers."""
    return os.getpid()


@server.tool()
def environment() -> dict[str, str]:
    """Tell what this process was given."""
    return dict(os.environ)


@server.tool()
async def count(upto: int, ctx: Context[Any, Any]) -> int:
    """Report progress for each number."""
    for number in range(upto):
        await ctx.report_progress(number + 1, upto, f"number {number + 1}")
    return upto


if __name__ == "__main__":
    sys.stderr.write("dual server starts\n")
    server.run("stdio")
