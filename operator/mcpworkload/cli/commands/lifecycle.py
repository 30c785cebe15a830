"""Stopping, starting, restarting and removing workloads, and waiting for them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mcpworkload.cli.options import cluster_options, timeout_option, workloads_argument
from mcpworkload.cli.progress import Reporter
from mcpworkload.cli.session import Session, each

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime.lifecycle import Workload
    from mcpworkload.runtime.watching import Objects

READY_SECONDS = 300
REMOVED_SECONDS = 180
# What the library says before it has asked for anything that lasts.
_BEFORE_DELETION = "Retention"


def _do_to_each(
    session: Session,
    workloads: tuple[str, ...],
    act: "Callable[[Cluster, str, Reporter], Awaitable[str]]",
    stands: Callable[[Reporter], str],
) -> None:
    """*act* on each workload, and print what it returns; *stands*: how it is when interrupted."""
    with Reporter() as report:

        async def work(cluster: "Cluster") -> None:
            await each(workloads, lambda name: act(cluster, name, report))

        session.run(work, lambda: stands(report))


def _goes_on(what: str) -> Callable[[Reporter], str]:
    """How things stand when a wait is interrupted: *what* was asked for goes on by itself."""

    def say(report: Reporter) -> str:
        begun = ", ".join(sorted(report.last))
        return f"{begun}: {what}" if begun else "nothing was asked for yet"

    return say


@click.command()
@workloads_argument
@timeout_option(READY_SECONDS)
@cluster_options
def stop(session: Session, workloads: tuple[str, ...], timeout: float | None) -> None:
    """
    End the pods of workloads and keep all else.

    Names, Services and volumes stay, and how many replicas there are to be. Returns when the
    pods are gone.
    """

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        await cluster.runtime.stop_workload(name, timeout=timeout, progress=report)
        return f"{name} is stopped"

    _do_to_each(
        session,
        workloads,
        act,
        _goes_on("still stopping in the cluster; `wait --for=stopped` follows it"),
    )


@click.command()
@workloads_argument
@timeout_option(READY_SECONDS)
@cluster_options
def start(session: Session, workloads: tuple[str, ...], timeout: float | None) -> None:
    """Bring stopped workloads back; returns when they are ready."""

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        await cluster.runtime.start_workload(name, timeout=timeout, progress=report)
        return f"{name} is ready"

    _do_to_each(
        session, workloads, act, _goes_on("still starting in the cluster; `wait` follows it")
    )


@click.command()
@workloads_argument
@timeout_option(READY_SECONDS)
@cluster_options
def restart(session: Session, workloads: tuple[str, ...], timeout: float | None) -> None:
    """
    Replace the pods of workloads, one after the other; returns when the new ones are ready.

    Writes the time into spec.restartedAt. A stopped workload stays stopped.
    """
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        found = await cluster.find(name, report)
        changed = await found.merge({"spec": {"restartedAt": now}})
        await found.until_ready(changed["metadata"]["generation"], timeout)
        return f"{name} is restarted"

    _do_to_each(
        session, workloads, act, _goes_on("still restarting in the cluster; `wait` follows it")
    )


@click.command()
@workloads_argument
@click.option("--keep-volumes", is_flag=True, help="Leave the volumes and what is on them.")
@click.option("--ignore-not-found", is_flag=True, help="What is not there counts as removed.")
@timeout_option(REMOVED_SECONDS)
@cluster_options
def rm(
    session: Session,
    workloads: tuple[str, ...],
    keep_volumes: bool,
    ignore_not_found: bool,
    timeout: float | None,
) -> None:
    """
    Remove workloads with their pods AND THEIR VOLUMES; returns when they are gone.

    Interrupted before the deletion was asked for, it leaves the workload as it was.
    """

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        from mcpworkload.runtime import WorkloadNotFound

        try:
            await cluster.runtime.remove_workload(
                name, keep_volumes, timeout=timeout, progress=report
            )
        except WorkloadNotFound:
            if not ignore_not_found:
                raise
        return f"{name} is removed"

    _do_to_each(session, workloads, act, _removal_stands)


def _removal_stands(report: Reporter) -> str:
    asked = [key for key, news in report.last.items() if news.reason != _BEFORE_DELETION]
    if asked:
        return f"{', '.join(sorted(asked))}: the removal goes on in the cluster"
    return "nothing was removed"


@click.command()
@workloads_argument
@click.option(
    "--for",
    "goal",
    type=click.Choice(["ready", "stopped", "removed"]),
    default="ready",
    show_default=True,
    help="What to wait for; a workload that is stopped as asked for is ready, too.",
)
@timeout_option(READY_SECONDS)
@cluster_options
def wait(session: Session, workloads: tuple[str, ...], goal: str, timeout: float | None) -> None:
    """
    Wait until workloads are as they should be.

    Ends at once with exit code 4 where waiting cannot help.
    """

    async def act(cluster: "Cluster", name: str, report: Reporter) -> str:
        await _until(cluster, name, goal, timeout, report)
        return f"{name} is {goal}"

    _do_to_each(session, workloads, act, lambda _: "nothing was changed by waiting")


async def _until(
    cluster: "Cluster", name: str, goal: str, seconds: float | None, report: Reporter
) -> None:
    from mcpworkload.runtime import WorkloadNotFound

    try:
        found = await cluster.find(name, report)
        if goal == "ready":
            # Of the spec as it is, whatever its generation.
            await found.until_ready(0, seconds)
        else:
            await _until_goal(found, goal, seconds)
    except WorkloadNotFound:
        if goal != "removed":
            raise


async def _until_goal(found: "Workload", goal: str, seconds: float | None) -> None:
    import asyncio

    from mcpworkload.runtime import WorkloadNotFound
    from mcpworkload.runtime.reading import is_stopped, verdict_of

    def holds(objects: "Objects") -> bool:
        workload = objects.get(found.name)
        if workload is None:
            raise WorkloadNotFound("it is gone", workload=found.key)
        verdict = verdict_of(workload)
        found.say(verdict.reason, verdict.message)
        return goal == "stopped" and is_stopped(workload) and verdict.is_ready

    try:
        async with asyncio.timeout(seconds):
            await found.until(holds)
    except TimeoutError:
        raise found.timed_out(f"see it {goal}", seconds) from None


COMMANDS = {"stop": stop, "start": start, "restart": restart, "rm": rm, "wait": wait}
