"""
Measure an operator at scale, and the floor beside it: ``python -m tests.perf.scale``.

Progress goes to standard error. The results are written as JSON after every scenario, and in the
end as a table and a chart beside it.
"""

import argparse
import asyncio
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hack.cluster.protocol import Options
from hack.local.settings import REPOSITORY
from hack.terminal import ToolError, run
from tests.perf.scale import pages
from tests.perf.scale.arena import Arena, open_arena
from tests.perf.scale.contender import Contender
from tests.perf.scale.limits import check
from tests.perf.scale.progress import Progress
from tests.perf.scale.result import Result, Run
from tests.perf.scale.scenarios import SCENARIOS, SERVED

FLOOR = "bare-loop"
# Per scenario: a fixed part, and what each workload may take. A StatefulSet controller of two
# cores makes about 25 pods ready a second.
_LIMIT_SECONDS, _LIMIT_SECONDS_EACH = 180.0, 0.15


def main() -> int:
    """Measure what the command line asks; return 1 if a limit of --check is missed."""
    options = _parser().parse_args()
    # The control plane outlives a process that is killed, and not one that is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if not options.only_report:
            asyncio.run(_measure_all(options))
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    floor = Contender.read(Path(FLOOR)).name
    sys.stdout.write(pages.write(options.out, floor, options.before))
    if options.page:
        pages.write_page(options.out, floor, options.before)
    if not options.check:
        return 0
    problems = check(pages.load(options.out)[1], floor)
    sys.stderr.write("\n".join([*problems, "" if problems else "every limit is kept\n"]))
    return 1 if problems else 0


async def _measure_all(options: argparse.Namespace) -> None:
    contenders = [Contender.read(Path(name)) for name in options.contenders.split(",")]
    runs: list[Run] = []
    progress = Progress()
    for size in map(int, options.sizes.split(",")):
        for contender in contenders:
            progress.prefix = f"{contender.name}, {size:,}: "
            one = Run(contender.name, size)
            runs.append(one)
            arena = open_arena(
                contender, size, options.checkout, _python(options), progress, options.brevity
            )
            async with arena as opened:
                await _measure(
                    opened,
                    one,
                    options,
                    lambda: pages.save(options.out, _environment(options.checkout), runs),
                )


async def _measure(
    arena: Arena, one: Run, options: argparse.Namespace, save: Callable[[], None]
) -> None:
    """Run the scenarios that were asked for, one after the other, each within its time."""
    one.idle_mb, _ = arena.process.memory()
    limit = options.time_limit or _LIMIT_SECONDS + _LIMIT_SECONDS_EACH * arena.size
    for name in options.scenarios.split(","):
        try:
            async with asyncio.timeout(limit):
                await SCENARIOS[name](arena)
        except TimeoutError:
            arena.results.setdefault(name, Result(name)).timed_out = f"in {limit:.0f} s"
        if name in arena.results:
            one.scenarios[name] = arena.results[name]
            arena.progress.say(_spoken(arena.results[name]))
        held, most = arena.process.memory()
        one.most_mb = max(one.most_mb, most, held)
        save()


def _spoken(result: Result) -> str:
    phases = "".join(f", {name} {phase.seconds:.1f} s" for name, phase in result.phases.items())
    late = f", NOT FINISHED {result.timed_out}" if result.timed_out else ""
    served = result.phases.get(SERVED)
    cpu = served.cpu_seconds if served else result.cpu_seconds
    return f"{result.scenario}{phases}, CPU {cpu:.2f} s, {result.held_mb:.0f} MB{late}"


def _python(options: argparse.Namespace) -> str:
    """Return the interpreter of the checkout that is measured."""
    own = options.checkout / ".venv" / "bin" / "python"
    return str(options.python or (own if own.exists() else sys.executable))


def _environment(checkout: Path) -> dict[str, str]:
    try:
        commit = run(["git", "-C", str(checkout), "describe", "--always", "--dirty"]).strip()
    except (ToolError, subprocess.SubprocessError):
        commit = "unknown"
    return {
        "commit": commit,
        "date": time.strftime("%Y-%m-%d"),
        "Kubernetes": Options().version,
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        "load when it ended": f"{os.getloadavg()[1]:.1f}",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.perf.scale", description=__doc__)
    add = parser.add_argument
    add("--sizes", default="1000", metavar="N,N", help="numbers of workloads")
    add("--scenarios", default=",".join(SCENARIOS), metavar="NAME,NAME", help="in this order")
    add("--contenders", default=f"{FLOOR},mcpworkload", help="names, or paths of descriptions")
    add("--checkout", type=Path, default=REPOSITORY, help="whose operator, CRD and Roles are used")
    add("--python", help="an interpreter other than the checkout's .venv/bin/python")
    add("--out", type=Path, default=Path("build/bench.json"), help="the JSON file")
    add("--brevity", type=float, default=1.0, help="a factor for scenarios of fixed length")
    add("--time-limit", type=float, help="seconds that one scenario may take")
    add("--check", action="store_true", help="fail where a limit is missed")
    add("--only-report", action="store_true", help="measure nothing: render the JSON file anew")
    add("--before", type=Path, help="the JSON file of an older version, for a column of its own")
    add("--page", action="store_true", help="write table and chart into docs/performance.*")
    return parser


if __name__ == "__main__":
    sys.exit(main())
