"""The limits that hold in every run of the short benchmark, however noisy the machine is."""

from collections.abc import Sequence

from tests.perf.scale.result import Run
from tests.perf.scale.targets import judge_all

# By the unit of a target: counts are exact, ratios and rates get this much more, and a time that
# stands for itself says more about the machine than about the operator.
_MARGINS = {"": 1.0, "x": 1.5, "/s": 5.0}
_EXACT = frozenset({"requests of a create, until children and status exist"})
# What is not reached yet is held where it is; the last depends on how busy the controllers are.
_HELD = {
    "CPU of a burst, until children and status exist": 8.0,
    "wall of a burst, until children and status exist": 4.0,
    "image update: requests each until ready": 3.6,
}


def check(runs: Sequence[Run], floor: str) -> list[str]:
    """Return a line for each limit that is missed, and for each scenario that did not end."""
    problems = [
        f"{run.contender}, {run.size:,} workloads, {result.scenario}: not done {result.timed_out}"
        for run in runs
        for result in run.scenarios.values()
        if result.timed_out
    ]
    for name, verdicts in judge_all(runs, floor).items():
        for one in verdicts:
            if one.unit not in _MARGINS:
                continue
            margin = 1.0 if one.target in _EXACT else _MARGINS[one.unit]
            limit = _HELD.get(one.target, one.limit * margin)
            if one.measured > limit:
                problems.append(
                    f"{name}, {one.size:,} workloads, {one.target}: {one.measured:.3g} {one.unit}, "
                    f"more than {limit:.3g}"
                )
    return problems
