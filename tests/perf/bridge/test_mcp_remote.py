"""mcp-remote, which desktop clients start as a stdio server, through a bridge."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.perf.bridge.installed import node_program, npm_folder
from tests.support.bridges import PLAIN as SERVER
from tests.support.bridges import initialize, notification, running, tool

ANSWER_SECONDS = 30
LINE_LIMIT = 2**22


@dataclass
class Remote:
    """mcp-remote, as a desktop client sees it: a server on pipes."""

    process: asyncio.subprocess.Process
    numbers: "count[int]"

    async def ask(self, message: Any) -> Any:
        """Send a request, and return what answers it."""
        number = next(self.numbers)
        self._send({**message, "id": number})
        assert self.process.stdout is not None
        async with asyncio.timeout(ANSWER_SECONDS):
            while line := await self.process.stdout.readline():
                answer = json.loads(line)
                if answer.get("id") == number:
                    return answer
        raise AssertionError("mcp-remote has ended")

    async def open(self) -> Any:
        """Do the handshake; what the server says of itself."""
        about = await self.ask(initialize())
        self._send(notification("notifications/initialized"))
        return about["result"]["serverInfo"]["name"]

    async def echo(self, text: str) -> Any:
        """Have a tool say *text*; its text, and the process that said it."""
        answer = await self.ask(tool("echo", text=text))
        return answer["result"]["content"][0]["text"], answer["result"]["pid"]

    def _send(self, message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")


@asynccontextmanager
async def remote(url: str, home: Path, *options: str) -> AsyncIterator[Remote]:
    """Run it before *url*."""
    process = await asyncio.create_subprocess_exec(
        *node_program("mcp-remote"), url, "--allow-http", *options,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, limit=LINE_LIMIT,
        env={**os.environ, "HOME": str(home), "MCP_REMOTE_CONFIG_DIR": str(home)},
    )  # fmt: skip
    try:
        yield Remote(process, count(1))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


WAYS = {
    "default": ("/mcp", ()),
    "http-only": ("/mcp", ("--transport", "http-only")),
    "sse-only": ("/sse", ("--transport", "sse-only")),
    "sse-first": ("/sse", ("--transport", "sse-first")),
    "auto": ("/mcp", ("--protocol", "auto")),
}


@pytest.mark.timeout(180)  # the first run installs it
@pytest.mark.parametrize("era", ["legacy", "dual"])
async def test_every_way_to_connect_calls_tools(era: str, tmp_path: Path) -> None:
    """With a server of sessions, and with one of both eras."""
    npm_folder()
    options = ("--serve", "streamable-http,sse")
    async with running(*SERVER, era, options=options) as bridge:

        async def use(way: str) -> Any:
            path, chosen = WAYS[way]
            url = f"http://127.0.0.1:{bridge.port}{path}"
            (home := tmp_path / way).mkdir()
            async with remote(url, home, *chosen) as client:
                return await client.open(), (await client.echo(way))[0]

        ways = WAYS if era == "legacy" else ("default", "auto")
        found = {way: await use(way) for way in ways}

    assert found == {way: ("plain", way) for way in ways}


@pytest.mark.timeout(180)
async def test_a_new_session_follows_the_end_of_a_server(tmp_path: Path) -> None:
    """The call that the server died of is told as failed; the next one has a new server."""
    npm_folder()
    async with running(*SERVER, "legacy") as bridge, remote(bridge.url, tmp_path) as client:
        await client.open()
        before = await client.echo("before")
        failed = await client.ask(tool("exit", code=1))
        after = await client.echo("after")

    assert (before[0], after[0]) == ("before", "after")
    assert "error" in failed, failed
    assert before[1] != after[1]
