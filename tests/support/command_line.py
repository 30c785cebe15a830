"""The command line as its users start it: a process of its own, without a terminal or with one."""

import asyncio
import contextlib
import os
import pty
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hack.kubectl import environment

PROGRAM = (sys.executable, "-m", "mcpworkload.cli")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


@asynccontextmanager
async def started(namespace: str, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command at work in *namespace*; ended with the block."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *words,
        "--namespace",
        namespace,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def mcpworkload(namespace: str, *words: str, stdin: str = "") -> Ended:
    """What became of a command in *namespace*."""
    async with started(namespace, *words) as process:
        out, err = await process.communicate(stdin.encode())
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def on_terminal(namespace: str, *words: str, env: Mapping[str, str]) -> str:
    """What a command in *namespace* shows on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *words,
            "--namespace",
            namespace,
            env={**environment(), "TERM": "xterm-256color", "COLUMNS": "80", **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
    finally:
        os.close(theirs)
    shown = b""
    # The terminal ends with an error when the last who had it open is gone.
    with contextlib.suppress(OSError):
        while piece := await asyncio.to_thread(os.read, ours, 4096):
            shown += piece
    os.close(ours)
    await process.wait()
    return shown.decode()
