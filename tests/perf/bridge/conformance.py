"""
The conformance suite of the protocol, before the same server twice: direct and through a bridge.

Usage: python -m tests.perf.bridge.conformance [REVISION ...]. Prints what differs; fails where
the bridge does worse. What fails both ways is the server's own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.perf.bridge.installed import PLACE, node, node_program
from tests.support.bridges import free_port

REVISIONS = ("2025-06-18", "2025-11-25", "2026-07-28")
FIXTURE = [sys.executable, "-W", "ignore", "-m", "tests.perf.bridge.fixture_server"]
BRIDGE = [sys.executable, "-m", "mcpworkload.bridge", "serve", "--grace", "2", "--port"]
RESULTS = PLACE / "conformance"

#: Checks that exist only where an answer comes as a stream of events. A bridge sends JSON where
#: the answer is all there is to send, which the protocol leaves to the server.
ONLY_OF_STREAMS = {
    "server-sse-streams-functional",
    "server-sse-priming-event",
    "server-sse-retry-field",
}
GOOD = {"SUCCESS", "SKIPPED"}

Checks = dict[tuple[str, str], list[str]]


@contextmanager
def running(command: list[str], port: int) -> Iterator[str]:
    """Run a server on *port*; its URL."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(300):
        try:
            # Our bridge says there whether it is ready; the fixture answers that with 404.
            with urlopen(f"http://127.0.0.1:{port}/readyz"):
                return
        except URLError as error:
            if getattr(error, "code", None) == 404:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not serve")


def checks(url: str, revision: str, folder: Path) -> Checks:
    """Run the suite of *revision* before *url*; every check with its outcomes."""
    path = f"{node().parent}{os.pathsep}{os.environ['PATH']}"
    command = [*node_program("conformance"), "server", "--url", url, "--suite", "all"]
    subprocess.run(
        [*command, "--spec-version", revision, "-o", str(folder)],
        check=False, env={**os.environ, "PATH": path},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    found: Checks = defaultdict(list)
    for file in sorted(folder.glob("*/checks.json")):
        scenario = re.sub(r"-\d{4}-\d\d-\d\dT.*", "", file.parent.name)
        for check in json.loads(file.read_text()):
            if check["status"] != "INFO":
                found[scenario, check["id"]].append(check["status"])
    if not found:
        raise RuntimeError(f"no check ran before {url}; is {command[0]} a working Node.js?")
    return found


def worse(direct: Checks, through: Checks) -> list[str]:
    """Return the checks that pass direct and do not through the bridge."""
    return [
        f"{scenario}: {check}: direct {outcomes}, through the bridge {through[scenario, check]}"
        for (scenario, check), outcomes in sorted(direct.items())
        if GOOD.issuperset(outcomes)
        and not GOOD.issuperset(through[scenario, check] or ["missing"])
        and not (check in ONLY_OF_STREAMS and not through[scenario, check])
    ]


def main(revisions: tuple[str, ...]) -> int:
    """Compare; 1 if the bridge does worse."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    bad = []
    ways: dict[str, Callable[[int], list[str]]] = {
        "direct": lambda port: [*FIXTURE, "http", str(port)],
        "through": lambda port: [*BRIDGE, str(port), "--", *FIXTURE, "stdio"],
    }
    found: dict[tuple[str, str], Checks] = {}
    for way, command in ways.items():
        port = free_port()
        with running(command(port), port) as url:
            for revision in revisions:
                found[way, revision] = checks(url, revision, RESULTS / way / revision)
    for revision in revisions:
        direct, through = found["direct", revision], found["through", revision]
        counts = [sum(o in GOOD for c in one.values() for o in c) for one in (direct, through)]
        wholes = [sum(map(len, one.values())) for one in (direct, through)]
        sys.stdout.write(
            f"{revision}: direct {counts[0]} of {wholes[0]} checks pass,"
            f" through the bridge {counts[1]} of {wholes[1]}\n"
        )
        bad += worse(direct, through)
    for line in bad:
        sys.stdout.write(f"worse: {line}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or REVISIONS))
