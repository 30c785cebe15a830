"""From the options of a command to its work in the cluster, and to its exit code."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.target import Target

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

T = TypeVar("T")


Connect = Callable[[Target], "AbstractAsyncContextManager[Cluster]"]


@dataclass(frozen=True)
class Invocation:
    """The way of one command into the cluster."""

    target: Target
    connect: Connect

    def run(
        self,
        work: "Callable[[Cluster], Awaitable[T]]",
        standing: Callable[[], str] = lambda: "nothing was changed",
    ) -> T:
        """
        Return the result of *work*; after Ctrl-C, *standing* gives the state in the cluster.

        Raises:
            Failure: it was interrupted.
        """
        try:
            return self._run(work)
        except KeyboardInterrupt:
            raise Failure(f"interrupted; {standing()}", ExitCode.INTERRUPTED) from None

    def follow(self, work: "Callable[[Cluster], Awaitable[T]]", note: str = "") -> T:
        """
        Return the result of *work*, which Ctrl-C ends as it should; *note* is printed then.

        Raises:
            click.exceptions.Exit: it was ended so.
        """
        try:
            return self._run(work)
        except KeyboardInterrupt:
            if note:
                click.echo(note, err=True)
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None

    def _run(self, work: "Callable[[Cluster], Awaitable[T]]") -> T:
        import asyncio

        async def connected() -> T:
            async with self.connect(self.target) as cluster:
                return await work(cluster)

        return asyncio.run(connected())


@asynccontextmanager
async def to_the_cluster(target: Target) -> "AsyncIterator[Cluster]":
    """Yield the cluster that the command line names; imports the library only now."""
    from mcpworkload.cli.cluster import connect

    async with connect(target) as cluster:
        yield cluster
