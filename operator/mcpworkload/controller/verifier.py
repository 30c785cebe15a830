"""
Asks the servers in the pods of all workloads who they are, again and again.

A reconcile says which pods there are; what they answer comes back as another reconcile, where it
changes anything. Servers that started a moment ago go before those that are asked again. Nothing is
read from the API server, and nothing is written.
"""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp

from mcpworkload.api.reasons import ConditionType, VerifiedReason
from mcpworkload.controller.answers import (
    LONGEST_PAUSE_SECONDS,
    NO_ANSWERS,
    Answers,
    PodAnswer,
)
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.desired import Check
from mcpworkload.controller.instances import Instance, find_instances
from mcpworkload.controller.probe_headers import Headers
from mcpworkload.controller.turns import Turns
from mcpworkload.controller.verification_metrics import VerificationMetrics
from mcpworkload.kube.keys import split_key
from mcpworkload.kube.objects import Pod
from mcpworkload.verification.finding import Era, Finding, Result, Server, ToolList
from mcpworkload.verification.probe import probe

log = logging.getLogger(__name__)

#: So many servers are asked at a time.
WORKERS: Final = 32
#: A pause is so much longer or shorter than asked for, or many pods would be asked at once.
_JITTER: Final = 0.2
#: They are asked in bursts, that far apart: woken for each alone, the process needs thrice the CPU.
_TICK_SECONDS: Final = 2.0
#: The servers that ran before this process began are asked within so many seconds.
_SPREAD_SECONDS: Final = 45.0
#: What silence has decided about a server that starts is taken when it has come so often before.
_MOST_RUSHED: Final = 1
#: So many lists of tools of one workload are remembered, to tell what changed.
_LISTS: Final = 2
#: And the names of so many tools: a server may make up any number.
_MOST_NAMES: Final = 512
_UNDECIDED: Final = frozenset((VerifiedReason.PENDING, VerifiedReason.NO_PODS))
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: The clocks of nodes and operator differ by so much.
_SKEW: Final = timedelta(seconds=5)


@dataclass(slots=True, eq=False)
class _Entry:
    """One server that is verified."""

    key: str
    instance: Instance
    answer: PodAnswer
    #: The era of the server that answered last, here or for an earlier process; None: not known.
    era: Era | None = None
    #: The next question; None while one is asked, or none is to follow.
    timer: asyncio.TimerHandle | None = None
    #: When it answered last, on the monotonic clock.
    succeeded_at: float | None = None
    #: How many of its answers in a row came before it had all the time that it may take.
    rushed: int = 0

    def adopt(self, instance: Instance) -> bool:
        """Take what the watch shows now; return whether what failed a moment ago may work."""
        before, self.instance = self.instance, instance
        return instance.is_ready and not before.is_ready and bool(self.answer.failures)


@dataclass(slots=True)
class _Workload:
    """The servers of one workload, by the pod's UID, and how they are asked."""

    check: Check
    #: None while they are not known.
    headers: Headers | None = None
    entries: dict[str, _Entry] = field(default_factory=dict)
    #: The last lists of tools, by their digest, the newest last.
    tools: dict[str, ToolList] = field(default_factory=dict)

    def adopt(self, check: Check | None, headers: Headers | None) -> bool:
        """Take what the spec says now, as far as that is known; return whether it is new."""
        before = self.check, self.headers
        self.check = self.check if check is None else check
        self.headers = self.headers if headers is None else headers
        return before != (self.check, self.headers)

    def keep(self, server: Server) -> Server:
        """
        Return *server* without the names of its tools, of which the newest lists are remembered.

        Equal servers are one object: the pods of a workload say the same.
        """
        if (tools := server.tools) is not None:
            names = tools.tools if len(tools.tools) <= _MOST_NAMES else {}
            self._remember(replace(tools, tools=names))
            server = replace(server, tools=replace(tools, tools={}))
        known = (entry.answer.server for entry in self.entries.values())
        return next((each for each in known if each == server), server)

    def _remember(self, tools: ToolList) -> None:
        if not tools.digest:
            return
        self.tools.pop(tools.digest, None)
        self.tools[tools.digest] = tools
        if len(self.tools) > _LISTS:
            del self.tools[next(iter(self.tools))]


class Verifier:
    """Verifies the servers of all workloads; *on_change* receives the key of one that changed."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        on_change: Callable[[str], None],
        clock: Clock,
        metrics: VerificationMetrics,
    ) -> None:
        self._session = session
        self._on_change = on_change
        self._clock = clock
        self._began = clock.now()
        self._metrics = metrics
        metrics.ages = self.ages
        self._workloads: dict[str, _Workload] = {}
        #: One namespace has a share of those who ask: its servers may all be slow.
        self._turns: Turns[_Entry] = Turns(WORKERS // 4)

    async def work(self) -> None:
        """Ask one server after the other, for ever; several of these run side by side."""
        while True:
            entry, namespace = await self._turns.take()
            try:
                if self._is_current(entry):
                    await self._ask(self._workloads[entry.key], entry)
            except Exception:  # one server's answer must not end the others' verification
                log.exception("cannot verify", extra={"workload": entry.key})
                self._schedule(entry, LONGEST_PAUSE_SECONDS)
            finally:
                self._turns.leave(namespace)

    def follow(
        self,
        key: str,
        pods: Mapping[str, Pod],
        check: Check | None,
        headers: Headers | None,
        status: Mapping[str, Any],
    ) -> Answers:
        """
        Return what is known of the servers in *pods*, and see to it that they are asked.

        Without a *check* or *headers*, those of before stay. *status* is the workload's as it is
        stored: what it says of servers that ran before this process began stands until they answer.
        """
        workload = self._workloads.get(key)
        if workload is None:
            if check is None or check.is_off:
                return NO_ANSWERS
            workload = self._workloads[key] = _Workload(check)
        is_changed = workload.adopt(check, headers)
        if workload.headers is None:
            # The API server fails to say with which headers to ask.
            return self.of(key)
        instances = {} if workload.check.is_off else find_instances(pods.values())
        for uid in workload.entries.keys() - instances.keys():
            _cancel(workload.entries.pop(uid))
        for instance in instances.values():
            entry = workload.entries.get(instance.uid)
            if entry is None or entry.instance.containers != instance.containers:
                self._begin(key, workload, instance, status)
            elif entry.adopt(instance) or is_changed:
                self._schedule(entry, 0.0)
        return self.of(key)

    def of(self, key: str) -> Answers:
        """Return what is known of the servers of a workload."""
        workload = self._workloads.get(key)
        if workload is None:
            return NO_ANSWERS
        pods = {uid: entry.answer for uid, entry in workload.entries.items()}
        missing = workload.headers.missing if workload.headers is not None else ""
        return Answers(pods, dict(workload.tools), missing)

    def drop(self, key: str) -> None:
        """Ask the servers of a deleted workload no more."""
        self._metrics.forget(key)
        if workload := self._workloads.pop(key, None):
            for entry in workload.entries.values():
                _cancel(entry)

    def count_tools_change(self, key: str) -> None:
        """Count one change of the list of tools that a status shows."""
        self._metrics.count_tools_change(key)

    def ages(self) -> Iterator[tuple[str, float]]:
        """
        Yield the key of each workload, and the seconds since its quietest server answered.

        Not of one whose servers are asked once for each start.
        """
        now = self._clock.monotonic()
        for key, workload in self._workloads.items():
            if workload.check.pause is None:
                continue
            answered = [
                entry.succeeded_at
                for entry in workload.entries.values()
                if entry.succeeded_at is not None
            ]
            if answered:
                yield key, now - min(answered)

    def _begin(
        self,
        key: str,
        workload: _Workload,
        instance: Instance,
        status: Mapping[str, Any],
    ) -> None:
        """Ask a server that started, at once; one that ran before this process did, in a while."""
        old = workload.entries.get(instance.uid)
        if old is not None:
            _cancel(old)
        is_older = (
            old is None
            and instance.ran_before(self._began)
            and instance.ran_before(_decided_at(status) + _SKEW)
        )
        era = (status.get("server") or {}).get("era") if is_older else None
        entry = _Entry(key, instance, PodAnswer(is_older=is_older), era)
        workload.entries[instance.uid] = entry
        spread = random.uniform(0.0, _SPREAD_SECONDS) if is_older else 0.0  # noqa: S311
        self._schedule(entry, spread)

    def _schedule(self, entry: _Entry, after: float) -> None:
        """Ask *entry* in so many seconds, in place of any other date."""
        _cancel(entry)
        if after > 0:
            loop = asyncio.get_running_loop()
            due = loop.time() + after
            if after > _TICK_SECONDS:
                due = math.ceil(due / _TICK_SECONDS) * _TICK_SECONDS
            entry.timer = loop.call_at(due, self._make_due, entry)
        else:
            self._make_due(entry)

    def _make_due(self, entry: _Entry) -> None:
        entry.timer = None
        namespace = split_key(entry.key)[0]
        self._turns.add(entry, namespace, is_urgent=entry.answer.is_pending)

    def _is_current(self, entry: _Entry) -> bool:
        workload = self._workloads.get(entry.key)
        return workload is not None and workload.entries.get(entry.instance.uid) is entry

    async def _ask(self, workload: _Workload, entry: _Entry) -> None:
        check, began = workload.check, self._clock.monotonic()
        headers = workload.headers.values if workload.headers is not None else {}
        finding = await probe(
            check.target(entry.instance.address, headers),
            session=self._session,
            era=entry.era,
            timeout=check.timeout,
        )
        now = self._clock.monotonic()
        self._metrics.count(finding.result, now - began)
        if not self._is_current(entry):
            return
        finding = _seen_from_the_node(finding, entry.instance, check)
        if self._is_too_early(entry, finding):
            self._schedule(entry, 0.0)
            return
        if finding.server is not None:
            entry.succeeded_at, entry.era = now, finding.server.era
            finding = replace(finding, server=workload.keep(finding.server))
        # Not what it was when the question was sent: another one may have been answered since.
        before, entry.answer = entry.answer, entry.answer.after(finding, began, now)
        pause = entry.answer.pause(check.pause, now)
        if pause is not None:
            self._schedule(entry, pause * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311
        if _shown(entry.answer) != _shown(before):
            self._on_change(entry.key)

    def _is_too_early(self, entry: _Entry, finding: Finding) -> bool:
        """Return whether to ask a server that starts again, at once: silence was its answer."""
        if not (finding.is_rushed and entry.answer.result is None and entry.rushed < _MOST_RUSHED):
            entry.rushed = 0
            return False
        entry.rushed += 1
        return True


def _cancel(entry: _Entry) -> None:
    if entry.timer is not None:
        entry.timer.cancel()
        entry.timer = None


def _shown(answer: PodAnswer) -> tuple[object, ...]:
    """Return the part of *answer* that a status shows."""
    return answer.result, answer.message, answer.server


def _decided_at(status: Mapping[str, Any]) -> datetime:
    """
    Return since when a stored status knows what came of verification; long ago if it does not.

    One that is older than verification, and Ready, knows as much as there was to know.
    """
    conditions = {each["type"]: each for each in status.get("conditions", ())}
    decisive = conditions.get(ConditionType.VERIFIED)
    if decisive is None:
        ready = conditions.get(ConditionType.READY)
        decisive = ready if ready is not None and ready["status"] == "True" else None
    if decisive is None or decisive["reason"] in _UNDECIDED:
        return _LONG_AGO
    return datetime.fromisoformat(decisive["lastTransitionTime"])


def _seen_from_the_node(finding: Finding, instance: Instance, check: Check) -> Finding:
    """Return *finding*; where the kubelet can connect, it is not the server that refuses."""
    if finding.result is not Result.CONNECTION_REFUSED:
        return finding
    if not (instance.is_ready and check.is_port_probed):
        return finding
    return replace(finding, result=Result.UNREACHABLE)
