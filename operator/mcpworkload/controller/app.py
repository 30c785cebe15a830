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
from mcpworkload.controller.handlers import NoMemories, WatchPulse, build_registry, build_settings
from mcpworkload.controller.health import Health, serve
from mcpworkload.controller.heap import trim_heap
from mcpworkload.controller.lanes import Priority
from mcpworkload.controller.memory_limit import MemoryWatch
from mcpworkload.controller.metrics import Metrics
from mcpworkload.controller.namespaces import NamespaceLevels
from mcpworkload.controller.process_metrics import ProcessMetrics
from mcpworkload.controller.queue import KeyQueue
from mcpworkload.controller.reconcile import Reconciler
from mcpworkload.controller.recorder import Events
from mcpworkload.controller.resync import await_workloads, resync_forever
from mcpworkload.controller.settings import Settings
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.controller.verification_metrics import VerificationMetrics
from mcpworkload.controller.verifier import WORKERS, Verifier
from mcpworkload.controller.workload_metrics import WorkloadMetrics
from mcpworkload.controller.writer import Writer
from mcpworkload.kube.client import Api
from mcpworkload.kube.fence import Fence
from mcpworkload.kube.lease import LeaderLease
from mcpworkload.kube.limiter import Limiter
from mcpworkload.kube.requested import CountRequests
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
        BaseExceptionGroup: a part failed, or leadership was lost: the process has to start anew.
    """
    where = ", ".join(settings.namespaces) or "all namespaces"
    log.info("mcpworkload %s watches %s", __version__, where)
    clock, store, fence = Clock(), WorkloadStore(), Fence()
    process = ProcessMetrics(lambda: health.is_leading)
    connection = connect(CountRequests(process.requested, clock.monotonic), fence=fence)
    limiter = Limiter(settings.workers)
    process.sources.limiter = limiter
    api = Api(connection, limiter)
    health = Health(api, clock.monotonic)
    port = settings.probe_port
    verifications = VerificationMetrics()
    workloads = WorkloadMetrics(store, lambda: verifications.ages())
    memory = MemoryWatch(lambda: len(store))
    metrics = Metrics(workloads, process, verifications, memory)
    probing = await serve(health, metrics, port) if port else None
    # After the probes, since a gate takes it for a proof of rules if their port alone is closed.
    gate = await serve_gate(settings.gate_port) if port and settings.gate_port else None
    lease = LeaderLease(
        api, settings.operator_namespace, names.LEASE_NAME, settings.identity, fence
    )
    watching = asyncio.create_task(memory.run(clock))
    try:
        policy = Policy.of(settings, connection.audiences, await find_gate(api, settings))
        await lease.acquire()
        try:
            await _lead(
                settings, policy, api, limiter, store, lease, health, clock, verifications, process
            )
        finally:
            await lease.release()
    finally:
        watching.cancel()
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
    limiter: Limiter,
    store: WorkloadStore,
    lease: LeaderLease,
    health: Health,
    clock: Clock,
    verifications: VerificationMetrics,
    process: ProcessMetrics,
) -> None:
    """Reconcile until kopf ends, which it does on SIGTERM, or until a part fails."""
    queue = KeyQueue(clock.monotonic, room=limiter.room, on_result=process.reconciled)
    pulse = WatchPulse(clock.monotonic)
    limiter.on_room = queue.wake
    informers = _informers(settings, api, queue, clock, health)
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
            process.exited,
        )
        tasks = [group.create_task(lease.keep()), group.create_task(informers.run())]
        # A reconcile that does not know the children yet would apply them all again.
        await informers.wait_synced()
        await await_workloads(api, settings.namespaces, store, clock)
        trim_heap()
        health.is_synced = True
        health.watches_silent_seconds = lambda: max(
            pulse.silent_seconds(), informers.silent_seconds()
        )
        process.sources.queue = queue
        process.sources.watch_ages = lambda: {
            **informers.watch_ages(),
            names.PLURAL: pulse.silent_seconds(),
        }
        tasks += [group.create_task(queue.work(reconciler)) for _ in range(settings.workers)]
        tasks += [group.create_task(verifier.work()) for _ in range(WORKERS)]
        resync = resync_forever(api, settings.namespaces, store, queue, clock)
        tasks.append(group.create_task(resync))
        count = CountRequests(process.requested, clock.monotonic)
        await _run_kopf(settings, pulse, store, queue, tasks, count)


async def _run_kopf(
    settings: Settings,
    pulse: WatchPulse,
    store: WorkloadStore,
    queue: KeyQueue,
    tasks: Sequence[asyncio.Task[None]],
    count: CountRequests,
) -> None:
    """Let kopf watch the workloads until SIGTERM; *tasks* end before it does."""

    async def end_parts() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    await kopf.operator(
        registry=build_registry(pulse, store, queue, end_parts, count),
        settings=build_settings(),
        memories=NoMemories(),
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )


def _informers(
    settings: Settings, api: Api, queue: KeyQueue, clock: Clock, health: Health
) -> Informers:
    """Return the caches of the namespaces in *settings*; they add what changed to *queue*."""

    def child_changed(key: str) -> None:
        # Until they are filled, the caches report all that exists.
        priority = Priority.CHANGE if health.is_synced else Priority.RESYNC
        queue.add(key, after=COALESCE_SECONDS, priority=priority)

    def container_ended(key: str) -> None:
        queue.add(key, after=END_SECONDS, priority=Priority.URGENT)

    return Informers(
        api,
        settings.namespaces,
        child_changed,
        container_ended,
        clock.monotonic,
        without=() if settings.is_attach_allowed else ATTACH_KINDS,
    )
