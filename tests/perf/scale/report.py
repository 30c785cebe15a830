"""The tables of a benchmark, as Markdown."""

from collections.abc import Iterator, Sequence

from tests.perf.scale.result import Result, Run
from tests.perf.scale.scenarios import GONE, SERVED, SETTLED
from tests.perf.scale.targets import Verdict, judge_all

#: The phase whose time and CPU stand for a scenario, where it is not the whole of it.
_PHASES = {
    "create": (SERVED, SETTLED),
    "update": (SERVED, SETTLED),
    "paced": (SERVED,),
    "delete": (GONE,),
}
# Below this, a request is no part of the work on a workload: a watch, a list, a newcomer's.
_RARE = 0.05
_SECONDS = frozenset({"p50", "p90", "p99", "slowest", "seconds"})


def render(runs: Sequence[Run], floor: str, before: Sequence[Run] = ()) -> str:
    """
    Return the targets of each contender, its scenarios beside the floor's, and its requests.

    *before* are the runs of an older version: what they had stands in a column of its own.
    """
    parts = []
    for name, verdicts in judge_all(runs, floor).items():
        older = judge_all(before, floor).get(name, [])
        parts += [f"### Targets: {name}", "", *_render_verdicts(verdicts, older), ""]
    for size in sorted({run.size for run in runs}):
        at_size = [run for run in runs if run.size == size]
        parts += [f"### {size:,} workloads", "", *_render_size(at_size), ""]
        parts += ["Requests by verb, resource and code, for each workload, change or event:", ""]
        parts += [*_render_requests(at_size), ""]
    return "\n".join(parts).rstrip() + "\n"


def _render_verdicts(verdicts: Sequence[Verdict], older: Sequence[Verdict]) -> Iterator[str]:
    was = {(one.target, one.size): _with_unit(one.measured, one.unit) for one in older}
    yield "| target | workloads | limit |" + (" before |" if was else "") + " measured | |"
    yield "|---|---|---|---|---|" + ("---|" if was else "")
    for one in verdicts:
        word = "met" if one.is_met else "**missed**"
        limit, measured = _with_unit(one.limit, one.unit), _with_unit(one.measured, one.unit)
        then = f" {was.get((one.target, one.size), '')} |" if was else ""
        yield f"| {one.target} | {one.size:,} | {limit} |{then} {measured} | {word} |"


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".rstrip()


def _render_size(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a table with a row for each figure and a column for each contender."""
    yield "| scenario | figure | " + " | ".join(run.contender for run in runs) + " |"
    yield "|---|---|" + "---|" * len(runs)
    rows = [(run.contender, *row) for run in runs for row in _rows(run)]
    cells = {(contender, *key): value for contender, *key, value in rows}
    for scenario, figure in dict.fromkeys((row[1], row[2]) for row in rows):
        values = [cells.get((run.contender, scenario, figure), "") for run in runs]
        yield f"| {scenario} | {figure} | " + " | ".join(values) + " |"


def _rows(run: Run) -> Iterator[tuple[str, str, str]]:
    """Yield scenario, figure and value."""
    yield "memory", "before the first workload, MB", number(run.idle_mb)
    yield "memory", "most of all scenarios, MB", number(run.most_mb)
    for name, result in run.scenarios.items():
        for phase in _PHASES.get(name, ()):
            yield from _phase_rows(name, phase, result)
        if name not in _PHASES:
            yield name, "CPU, s", number(result.cpu_seconds)
            yield name, "requests", str(sum(result.requests.values()))
        yield name, "memory at the end, MB", number(result.held_mb)
        for figure, value in result.figures.items():
            yield name, *_spoken(figure, value)
        yield name, "errors / conflicts", f"{result.errors} / {result.conflicts}"
        if result.timed_out:
            yield name, "NOT FINISHED", result.timed_out


def _phase_rows(name: str, phase: str, result: Result) -> Iterator[tuple[str, str, str]]:
    """Yield time, CPU and requests until the end of a phase."""
    found = result.phases.get(phase)
    if found is None:
        return
    yield name, f"{phase} after, s", number(found.seconds)
    yield name, f"CPU each until {phase}, ms", number(found.cpu_seconds / result.operations * 1000)
    yield name, f"requests each until {phase}", number(found.requests / result.operations)


def _spoken(figure: str, value: float | None) -> tuple[str, str]:
    if value is None:
        return figure, "none"
    if figure.split()[-1] in _SECONDS and not figure.endswith("seconds"):
        return f"{figure}, ms", number(value * 1000)
    return figure, number(value)


def _render_requests(runs: Sequence[Run]) -> Iterator[str]:
    yield "| scenario | request | " + " | ".join(run.contender for run in runs) + " |"
    yield "|---|---|" + "---|" * len(runs)
    for scenario in dict.fromkeys(name for run in runs for name in run.scenarios):
        found = [run.scenarios.get(scenario) for run in runs]
        kinds = dict.fromkeys(kind for one in found if one for kind in one.requests)
        for kind in kinds:
            values = [_each(one, kind) for one in found]
            if max(values) >= _RARE:
                cells = " | ".join(map(number, values))
                yield f"| {scenario} | {kind} | {cells} |"


def _each(result: Result | None, kind: str) -> float:
    count = result.requests.get(kind, 0) if result else 0
    return count / max(1, result.operations) if result else 0.0


def number(value: float) -> str:
    """Return a number with as many digits as say something."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.01 else f"{value:.4f}"
