"""One action on each of the workloads that a command names, side by side."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import click

from mcpworkload.cli.codes import Failure, failure_of
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.progress import Reporter

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

READY_SECONDS = 300


def do_to_each(
    invocation: Invocation,
    workloads: tuple[str, ...],
    act: "Callable[[Cluster, str, Reporter], Awaitable[str]]",
    stands: Callable[[Reporter], str],
) -> None:
    """*act* on each workload, and print what it returns; *stands*: how it is when interrupted."""
    with Reporter() as report:

        async def work(cluster: "Cluster") -> None:
            await each(workloads, lambda name: act(cluster, name, report))

        invocation.run(work, lambda: stands(report))


def goes_on(what: str) -> Callable[[Reporter], str]:
    """Return the words for an interrupted wait: *what* was asked for goes on by itself."""

    def say(report: Reporter) -> str:
        begun = ", ".join(sorted(report.last))
        return f"{begun}: {what}" if begun else "nothing was asked for yet"

    return say


async def each(names: Sequence[str], act: Callable[[str], Awaitable[str]]) -> None:
    """
    Do *act* for all *names* side by side, and print what each returns.

    Raises:
        Failure: some failed; all others were done.
    """
    import asyncio

    failures: list[Failure] = []

    async def one(name: str) -> None:
        try:
            click.echo(await act(name))
        except RuntimeError as error:
            failure = failure_of(error)
            if failure is None:
                raise
            failures.append(failure)

    # A TaskGroup would end the others when one fails with an error of ours.
    async with asyncio.TaskGroup() as group:
        for name in dict.fromkeys(names):
            group.create_task(one(name))
    for failure in failures[:-1]:
        failure.show()
    for failure in failures[-1:]:
        raise failure
