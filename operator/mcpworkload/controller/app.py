"""The operator's process: its parts, started in order and stopped in reverse."""

import asyncio
import logging
from collections.abc import Sequence

import kopf

from mcpworkload import __version__
from mcpworkload.api import names
from mcpworkload.controller.caches import Informers
from mcpworkload.controller.children import ATTACH_KINDS
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.credentials import connect
from mcpworkload.controller.desired import Policy
from mcpworkload.controller.gate import find_gate, serve_gate
from mcpworkload.controller.handlers import WatchPulse, build_registry, build_settings
from mcpworkload.controller.health import Health, serve
from mcpworkload.controller.metrics import Metrics
from mcpworkload.controller.namespaces import NamespaceLevels
from mcpworkload.controller.queue import KeyQueue
from mcpworkload.controller.reconcile import Reconciler
from mcpworkload.controller.recorder import Events
from mcpworkload.controller.resync import await_workloads, resync_forever
from mcpworkload.controller.settings import Settings
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.controller.verification_metrics import VerificationMetrics
from mcpworkload.controller.verifier import WORKERS, Verifier
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.client import Api
from mcpworkload.kube.lease import LeaderLease
from mcpworkload.verification.exchange import open_session

log = logging.getLogger(__name__)

# Children and pods report in bursts: one reconcile answers them, this much later.
COALESCE_SECONDS = 0.25
# The end of a container is reported at once, before anything else is reconciled; its pod's other
# containers often end with it.
END_SECONDS = 0.02


async def run(settings: Settings) -> None:
    """
    Run the operator until it is cancelled or receives SIGTERM.

    Raises:
        NoCredentials: no credentials for a cluster were found.
        ExceptionGroup: a part failed, or leadership was lost: the process has to start anew.
    """
    where = ", ".join(settings.namespaces) or "all namespaces"
    log.info("mcpworkload %s watches %s", __version__, where)
    connection = connect()
    api = Api(connection)
    clock, store = Clock(), WorkloadStore()
    health = Health(api, clock.monotonic)
    port = settings.probe_port
    verifications = VerificationMetrics()
    metrics = Metrics(store, lambda: health.is_leading, verifications)
    probing = await serve(health, metrics, port) if port else None
    # After the probes, since a gate takes it for a proof of rules if their port alone is closed.
    gate = await serve_gate(settings.gate_port) if port and settings.gate_port else None
    lease = LeaderLease(api, settings.operator_namespace, names.LEASE_NAME, settings.identity)
    try:
        policy = Policy.of(settings, connection.audiences, await find_gate(api, settings))
        await lease.acquire()
        try:
            await _lead(settings, policy, api, store, lease, health, clock, verifications)
        finally:
            await lease.release()
    finally:
        if gate:
            gate.close()
        if probing:
            await probing.cleanup()
        await connection.close()
    log.info("stopped")


async def _lead(
    settings: Settings,
    policy: Policy,
    api: Api,
    store: WorkloadStore,
    lease: LeaderLease,
    health: Health,
    clock: Clock,
    verifications: VerificationMetrics,
) -> None:
    """Reconcile until kopf ends, which it does on SIGTERM, or until a part fails."""
    queue, pulse = KeyQueue(clock.monotonic), WatchPulse(clock.monotonic)
    informers = _informers(settings, api, queue, clock)
    levels = NamespaceLevels(api, clock.monotonic)
    health.is_synced = False
    async with open_session() as session, asyncio.TaskGroup() as group:
        verifier = Verifier(session, queue.add, clock, verifications)
        reconciler = Reconciler(
            store,
            informers,
            queue.forget,
            Writer(api),
            Events(api),
            policy,
            clock,
            levels,
            verifier,
        )
        tasks = [group.create_task(lease.keep()), group.create_task(informers.run())]
        # A reconcile that does not know the children yet would apply them all again.
        await informers.wait_synced()
        await await_workloads(api, settings.namespaces, store, clock)
        health.is_synced = True
        health.watches_silent_seconds = lambda: max(
            pulse.silent_seconds(), informers.silent_seconds()
        )
        tasks += [group.create_task(queue.work(reconciler)) for _ in range(settings.workers)]
        tasks += [group.create_task(verifier.work()) for _ in range(WORKERS)]
        resync = resync_forever(api, settings.namespaces, store, queue, clock)
        tasks.append(group.create_task(resync))
        await _run_kopf(settings, pulse, store, queue, tasks)


async def _run_kopf(
    settings: Settings,
    pulse: WatchPulse,
    store: WorkloadStore,
    queue: KeyQueue,
    tasks: Sequence[asyncio.Task[None]],
) -> None:
    """Let kopf watch the workloads until SIGTERM; *tasks* end before it does."""

    async def end_parts() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    await kopf.operator(
        registry=build_registry(pulse, store, queue, end_parts),
        settings=build_settings(),
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )


def _informers(settings: Settings, api: Api, queue: KeyQueue, clock: Clock) -> Informers:
    """Return the caches of the namespaces in *settings*; they add what changed to *queue*."""

    def child_changed(key: str) -> None:
        queue.add(key, after=COALESCE_SECONDS)

    def container_ended(key: str) -> None:
        queue.add(key, after=END_SECONDS, is_urgent=True)

    return Informers(
        api,
        settings.namespaces,
        child_changed,
        container_ended,
        clock.monotonic,
        without=() if settings.is_attach_allowed else ATTACH_KINDS,
    )
