"""What the operator has to reach, and whether a run shows it: most are ratios to the floor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.perf.scale.result import Result, Run
from tests.perf.scale.scenarios import SERVED

#: The runs of the operator and of the floor by their size.
Runs = Mapping[int, Run]
_LARGE, _MIDDLE = 10_000, 1_000


@dataclass(frozen=True)
class Verdict:
    """One target at one size, with what was measured."""

    target: str
    size: int
    measured: float
    limit: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Whether the limit is kept."""
        return self.measured <= self.limit


@dataclass(frozen=True)
class Target:
    """A limit for a figure; where a run lacks what the figure is made of, there is no verdict."""

    name: str
    limit: float
    #: Returns the figure of an operator's run and of the floor's, which may be the same size's.
    measure: Callable[[Run, Run], float | None]
    unit: str = "x"
    #: The sizes at which it is judged; none for every size.
    sizes: tuple[int, ...] = ()


def _figure(run: Run, scenario: str, name: str) -> float | None:
    result = run.scenarios.get(scenario)
    return result.figures.get(name) if result else None


def _ratio(ours: float | None, floor: float | None) -> float | None:
    return ours / floor if ours is not None and floor else None


def _served(run: Run, value: Callable[[Result], float]) -> float | None:
    result = run.scenarios.get("create")
    return value(result) if result and SERVED in result.phases else None


def _create_requests(ours: Run, floor: Run) -> float | None:
    name = "requests each until served"
    return _ratio(_figure(ours, "create", name), _figure(floor, "create", name))


def _create_wall(ours: Run, floor: Run) -> float | None:
    def seconds(result: Result) -> float:
        return result.phases[SERVED].seconds

    return _ratio(_served(ours, seconds), _served(floor, seconds))


def _create_cpu(ours: Run, floor: Run) -> float | None:
    def cpu(result: Result) -> float:
        return result.phases[SERVED].cpu_seconds

    return _ratio(_served(ours, cpu), _served(floor, cpu))


def _memory(ours: Run, _: Run) -> float | None:
    return ours.most_mb


def _restart_writes(ours: Run, _: Run) -> float | None:
    return _figure(ours, "restart", "writes")


def _restart_cpu(ours: Run, _: Run) -> float | None:
    result = ours.scenarios.get("restart")
    return result.cpu_seconds if result and not result.timed_out else None


def _idle_requests(ours: Run, _: Run) -> float | None:
    result = ours.scenarios.get("idle")
    return sum(result.requests.values()) / result.seconds if result else None


def _milliseconds(scenario: str, name: str) -> Callable[[Run, Run], float | None]:
    def measure(ours: Run, _: Run) -> float | None:
        seconds = _figure(ours, scenario, name)
        return None if seconds is None else seconds * 1000

    return measure


def _lag(ours: Run, _: Run) -> float | None:
    return _figure(ours, "create", "status after children p90")


def _update_requests(ours: Run, _: Run) -> float | None:
    return _figure(ours, "update", "requests each")


TARGETS = (
    Target("requests of a create, until children and status exist", 1.05, _create_requests),
    Target("wall of a burst, until children and status exist", 1.2, _create_wall),
    Target("CPU of a burst, until children and status exist", 2.0, _create_cpu),
    Target("most memory", 100.0, _memory, "MB", (_LARGE,)),
    Target("restart: writes", 0.0, _restart_writes, ""),
    Target("restart: CPU", 5.0, _restart_cpu, "s", (_LARGE,)),
    Target("idle: requests beyond the Lease", 0.1, _idle_requests, "/s"),
    Target("reaction at 20 changes/s, p99", 50.0, _milliseconds("reaction", "reaction p99"), "ms"),
    Target("burst: status after children, p90", 2.0, _lag, "s"),
    Target("image update: requests each until ready", 3.05, _update_requests, ""),
)
_FLATNESS, _FLAT = "CPU each at 10,000 over that at 1,000", 1.15


def judge_all(runs: Sequence[Run], floor: str) -> dict[str, list[Verdict]]:
    """Return the verdicts on each contender beside the *floor*."""
    by_contender: dict[str, dict[int, Run]] = {}
    for run in runs:
        by_contender.setdefault(run.contender, {})[run.size] = run
    base = by_contender.pop(floor, {})
    return {name: judge(ours, base) for name, ours in by_contender.items()}


def judge(ours: Runs, floor: Runs) -> list[Verdict]:
    """Return a verdict for each target and size that was measured."""
    verdicts = []
    for target in TARGETS:
        for size, run in ours.items():
            if size not in floor or (target.sizes and size not in target.sizes):
                continue
            measured = target.measure(run, floor[size])
            if measured is not None:
                verdicts.append(Verdict(target.name, size, measured, target.limit, target.unit))
    return verdicts + _judge_flatness(ours)


def _judge_flatness(ours: Runs) -> list[Verdict]:
    """Return whether a workload costs as much among many as among few."""
    if _MIDDLE not in ours or _LARGE not in ours:
        return []
    each = {
        size: _served(ours[size], lambda result: result.phases[SERVED].cpu_seconds)
        for size in (_MIDDLE, _LARGE)
    }
    large, middle = each[_LARGE], each[_MIDDLE]
    if large is None or not middle:
        return []
    measured = large / _LARGE / (middle / _MIDDLE)
    return [Verdict(_FLATNESS, _LARGE, measured, _FLAT, "x")]
