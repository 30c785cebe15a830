"""What the containers of a workload print, and their standard streams."""

import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, BinaryIO

import click

from mcpworkload.cli.codes import Failure
from mcpworkload.cli.durations import Duration
from mcpworkload.cli.options import cluster_options, workload_argument
from mcpworkload.cli.session import Session
from mcpworkload.cli.words import in_our_words

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import ContainerAttachment, Output
    from mcpworkload.runtime.logs import LogArguments

_PIECE = 65_536
container_option = click.option(
    "-c", "--container", metavar="NAME", help="Another container than the server's."
)
replica_option = click.option(
    "--replica", type=click.IntRange(min=0), help="Only this replica's pod."
)


@click.command()
@workload_argument
@click.option(
    "-f", "--follow", is_flag=True, help="Go on, across restarts, until the workload ends."
)
@click.option(
    "--tail", type=click.IntRange(min=0), metavar="LINES", help="Only the last lines of each pod."
)
@click.option(
    "--since", metavar="DURATION", type=Duration(), help="Only what is younger, such as 10m."
)
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option(
    "-p", "--previous", is_flag=True, help="What the container said before its last restart."
)
@container_option
@replica_option
@cluster_options
def logs(
    session: Session,
    workload: str,
    follow: bool,
    tail: int | None,
    since: float | None,
    timestamps: bool,
    previous: bool,
    container: str | None,
    replica: int | None,
) -> None:
    """
    Print what a server has printed.

    Of several replicas each line says which pod it is from.
    """
    which: LogArguments = {
        "container": container,
        "pod": replica,
        "tail": tail,
        "since": since,
        "timestamps": timestamps,
        "previous": previous,
    }

    async def work(cluster: "Cluster") -> None:
        if follow:
            await _follow(cluster, workload, which)
        else:
            click.echo(await cluster.runtime.get_workload_logs(workload, **which), nl=False)

    if follow:
        session.follow(work)
    else:
        session.run(work)


async def _follow(cluster: "Cluster", workload: str, which: "LogArguments") -> None:
    info = await cluster.runtime.get_workload_info(workload)
    says_pod = info.replicas > 1 and which.get("pod") is None
    lines = await cluster.runtime.get_workload_logs(workload, True, **which)
    async with aclosing(lines):
        async for line in lines:
            click.echo(f"[{line.pod}] {line}" if says_pod else str(line))


@click.command()
@workload_argument
@container_option
@replica_option
@cluster_options
def attach(session: Session, workload: str, container: str | None, replica: int | None) -> None:
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

    session.follow(work, "detached; the container was left alone")


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


COMMANDS = {"logs": logs, "attach": attach}
