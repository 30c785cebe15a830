"""
The metrics of the workloads, made of their stored statuses.

A scrape reads the statuses, and no other place counts, so that numbers survive a restart of the
operator and are never ahead of what `kubectl get` shows.

The lines are written here and not by prometheus-client, which takes 12 us for one: half a second
for ten thousand workloads, in which the operator would do nothing else.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from mcpworkload.api.reasons import (
    AvailableReason,
    ConditionType,
    IsolatedReason,
    Reason,
    VerifiedReason,
)
from mcpworkload.controller.store import Body
from mcpworkload.kube.keys import split_key

# What one turn of the event loop writes: a millisecond or two.
BATCH: Final = 500
#: Yields the key of a workload and the value that it has.
ByKey = Callable[[], Iterable[tuple[str, float]]]

_REASONS: Final = frozenset(str(reason) for kind in Reason.__subclasses__() for reason in kind)
_TYPES: Final = frozenset(str(each) for each in ConditionType)
_STATUSES: Final = frozenset({"True", "False", "Unknown"})
# Not True, and yet as the spec asks.
_ASKED_FOR: Final = frozenset(
    {
        AvailableReason.STOPPED,
        AvailableReason.SCALED_TO_ZERO,
        IsolatedReason.NOT_REQUESTED,
        VerifiedReason.NO_PODS,
    }
)


@dataclass
class _Family:
    """A metric, and the lines of its samples; a counter's have its name as it stands here."""

    name: str
    kind: str
    text: str
    lines: list[str] = field(default_factory=list)

    def add(self, labels: str, value: float) -> None:
        self.lines.append(f"{self.name}{{{labels}}} {value}\n")

    def render(self) -> bytes:
        head = f"# HELP {self.name} {self.text}\n# TYPE {self.name} {self.kind}\n"
        return (head + "".join(self.lines)).encode()


class _Families:
    """What one scrape writes."""

    def __init__(self) -> None:
        self.workloads = _Family("mcpworkload_workloads", "gauge", "Workloads that exist.")
        self.ready = _Family(
            "mcpworkload_ready", "gauge", "1 when the workload is as its spec asks, else 0."
        )
        self.exits = _Family(
            "mcpworkload_unexpected_exits_total",
            "counter",
            "Exits of containers that were not asked for: status.restarts.",
        )
        self.conditions = _Family(
            "mcpworkload_condition",
            "gauge",
            "1 for each condition of a workload that is not as its spec asks.",
        )
        self.counts = _Family(
            "mcpworkload_conditions", "gauge", "Workloads by each of their conditions."
        )
        self.tools = _Family(
            "mcpworkload_tools",
            "gauge",
            "Tools that the server offers: status.server.tools.",
        )
        self.ages = _Family(
            "mcpworkload_verification_age_seconds",
            "gauge",
            "Seconds since the pod of a workload that was silent longest answered as MCP has it.",
        )

    def __iter__(self) -> Iterator[_Family]:
        return iter(vars(self).values())


class WorkloadMetrics:
    """The metrics of all workloads in a store."""

    def __init__(self, bodies: Iterable[Body], ages: ByKey = lambda: ()) -> None:
        """
        Render *bodies*, of which an iteration is a snapshot, each unpacked at its turn.

        *ages* yields the seconds since the quietest server of each workload answered.
        """
        self._bodies = bodies
        self._ages = ages

    async def render(self) -> AsyncIterator[bytes]:
        """Yield the metrics in Prometheus' text format, in turns with the rest of the process."""
        families, counts, total = _Families(), Counter[tuple[str, str, str]](), 0
        async for bodies in _in_turns(self._bodies):
            total += len(bodies)
            for body in bodies:
                _add(families, counts, body)
        async for rows in _in_turns(tuple(self._ages())):
            for key, age in rows:
                families.ages.add(_labels(*split_key(key)), round(age, 1))
        families.workloads.lines.append(f"{families.workloads.name} {total}\n")
        for (kind, status, reason), count in counts.items():
            families.counts.add(f'type="{kind}",status="{status}",reason="{reason}"', count)
        for family in families:
            yield family.render()
            await asyncio.sleep(0)


async def _in_turns(things: Iterable[Any]) -> AsyncIterator[list[Any]]:
    """Yield *things*, BATCH at a time; whatever else the process does has a turn in between."""
    left = iter(things)
    while batch := list(islice(left, BATCH)):
        yield batch
        await asyncio.sleep(0)


def _add(families: _Families, counts: Counter[tuple[str, str, str]], body: Body) -> None:
    labels = _labels(body["metadata"]["namespace"], body["metadata"]["name"])
    status = body.get("status") or {}
    is_ready = False
    for condition in status.get("conditions", ()):
        kind, value, reason = condition["type"], condition["status"], condition["reason"]
        # Whoever may write the status of a workload may write anything there.
        if kind not in _TYPES or value not in _STATUSES or reason not in _REASONS:
            continue
        counts[kind, value, reason] += 1
        is_ready = is_ready or (kind == ConditionType.READY and value == "True")
        if not _is_as_asked(kind, value, reason):
            more = f'{labels},type="{kind}",status="{value}",reason="{reason}"'
            families.conditions.add(more, 1)
    families.ready.add(labels, int(is_ready))
    families.exits.add(labels, status.get("restarts", 0))
    if listed := (status.get("server") or {}).get("tools"):
        families.tools.add(labels, listed["count"])


def _is_as_asked(kind: str, status: str, reason: str) -> bool:
    if status == "True":
        return kind != ConditionType.STALLED
    return reason in _ASKED_FOR


def _labels(namespace: str, name: str) -> str:
    """Return the labels of a workload; names of objects have nothing to escape."""
    return f'namespace="{namespace}",workload="{name}"'
