"""The command `attach`."""

import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, BinaryIO

import click

from mcpworkload.cli.codes import Failure
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import (
    cluster_options,
    container_option,
    replica_option,
    workload_argument,
)
from mcpworkload.cli.words import in_our_words

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import ContainerAttachment, Output

_PIECE = 65_536


@click.command()
@workload_argument
@container_option
@replica_option
@cluster_options
def attach(
    invocation: Invocation, workload: str, container: str | None, replica: int | None
) -> None:
    """
    Connect standard input, output and errors to those of a server's container.

    Input needs a workload that was run with --stdin. Ends when the container ends, with exit code
    1 if that failed; Ctrl-C detaches and leaves the container alone.
    """

    async def work(cluster: "Cluster") -> None:
        from mcpworkload.api.names import CONTAINER

        attachment = await cluster.runtime.attach_to_workload(
            workload, container=container or CONTAINER, pod=replica
        )
        async with attachment:
            where = f"{attachment.pod}, container {attachment.container}"
            click.echo(f"attached to {where} ({attachment.container_id})", err=True)
            await _pump(attachment)

    invocation.follow(work, "detached; the container was left alone")


async def _pump(attachment: "ContainerAttachment") -> None:
    """Carry all three streams until the container ends."""
    import asyncio

    tasks = [
        asyncio.create_task(_write(attachment.stdout, sys.stdout.buffer)),
        asyncio.create_task(_write(attachment.stderr, sys.stderr.buffer)),
    ]
    feeding = asyncio.create_task(_feed(attachment))
    try:
        await asyncio.gather(*tasks)
        end = await attachment.wait()
    finally:
        for task in (*tasks, feeding):
            task.cancel()
        # What input does not reach, the outputs' end explains.
        await asyncio.gather(*tasks, feeding, return_exceptions=True)
    if end.exit_code:
        raise Failure(f"the container ended with exit code {end.exit_code} ({end.reason})")


async def _write(output: "Output", file: BinaryIO) -> None:
    while data := await output.read():
        file.write(data)
        file.flush()


async def _feed(attachment: "ContainerAttachment") -> None:
    """Send what comes from standard input, and its end."""
    from mcpworkload.runtime import RuntimeUnavailable, WorkloadInvalid

    try:
        await attachment.write(b"")
    except WorkloadInvalid as error:
        words = in_our_words(f"{error.message} ({error.advice})")
        click.echo(f"note: output only: {words}", err=True)
        return
    async for data in _input():
        await attachment.write(data)
    with contextlib.suppress(RuntimeUnavailable):
        await attachment.close_stdin()


async def _input() -> "AsyncIterator[bytes]":
    """Standard input, as it comes."""
    import asyncio

    loop, pieces = asyncio.get_running_loop(), asyncio.Queue[bytes](maxsize=1)

    def read() -> None:
        # Not by sys.stdin: its lock would be held when the program ends.
        while data := os.read(0, _PIECE):
            asyncio.run_coroutine_threadsafe(pieces.put(data), loop).result()
        asyncio.run_coroutine_threadsafe(pieces.put(b""), loop).result()

    # Nothing can wake a thread that reads a terminal: it must not be waited for.
    threading.Thread(target=read, daemon=True).start()
    while data := await pieces.get():
        yield data


COMMAND = attach
