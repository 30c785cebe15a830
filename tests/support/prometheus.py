"""A Prometheus that holds samples of a test, and is asked about them."""

import json
import re
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.cluster.tools import find_tool
from tests.support.bridges import free_port

START_SECONDS = 30.0
# What a PodMonitor adds to each sample that has no such label itself.
TARGET = {
    "job": "mcpworkload-system/mcpworkload-operator",
    "instance": "10.0.0.7:8080",
    "namespace": "mcpworkload-system",
    "pod": "mcpworkload-operator-1",
}
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="')


@dataclass(frozen=True)
class Scrape:
    """What the operator served at a time, which is in seconds since 1970."""

    at: float
    text: str

    def lines(self) -> Iterator[str]:
        """Yield its samples with the time and the labels of the target, as OpenMetrics has them."""
        for line in self.text.splitlines():
            if found := _SAMPLE.match(line):
                name, labels, value = found.groups()
                own = set(_LABEL.findall(labels or ""))
                more = (f'{key}="{text}"' for key, text in TARGET.items() if key not in own)
                yield f"{name}{{{','.join([*filter(None, [labels]), *more])}}} {value} {self.at}"


class Prometheus:
    """A server that runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expr: str, at: float) -> list[dict[str, Any]]:
        """
        Return the samples of *expr* at a time.

        Raises:
            AssertionError: Prometheus does not evaluate it; says why.
        """
        found: list[dict[str, Any]] = self._ask("query", query=expr, time=str(at))
        return found

    def query_range(self, expr: str, begin: float, end: float, step: float) -> list[dict[str, Any]]:
        """Return the series of *expr*; raises as `query` does."""
        times = {"start": str(begin), "end": str(end), "step": str(step)}
        found: list[dict[str, Any]] = self._ask("query_range", query=expr, **times)
        return found

    def _ask(self, what: str, **parameters: str) -> Any:
        url = f"{self._url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=START_SECONDS) as response:  # noqa: S310
                return json.load(response)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters['query']}: {error.read().decode()}") from None

    def is_ready(self) -> bool:
        """Return whether it answers queries."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=1) as response:  # noqa: S310
                return bool(response.status == 200)
        except OSError:
            return False


@contextmanager
def serving(scrapes: Iterable[Scrape]) -> Iterator[Prometheus]:
    """A Prometheus that has made *scrapes*, and makes no others."""
    with tempfile.TemporaryDirectory(prefix="prometheus-") as folder:
        root = Path(folder)
        lines = [line for scrape in scrapes for line in scrape.lines()]
        (root / "samples").write_text("\n".join([*lines, "# EOF\n"]))
        # All in one block: how old they are does not matter to what is asked about them.
        _run("promtool", "tsdb", "create-blocks-from", "openmetrics", "samples", "data", cwd=root)
        (root / "prometheus.yml").write_text("scrape_configs: []\n")
        port = free_port()
        with (root / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    find_tool("prometheus"),
                    "--config.file=prometheus.yml",
                    "--storage.tsdb.path=data",
                    "--storage.tsdb.retention.time=100y",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--log.level=warn",
                ],
                cwd=root,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            server = Prometheus(f"http://127.0.0.1:{port}")
            _wait(server, process, root / "log")
            yield server
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _wait(server: Prometheus, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not server.is_ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def check_rules(rules: Mapping[str, Any]) -> str:
    """
    Return what promtool says of *rules*, the spec of a PrometheusRule.

    Raises:
        AssertionError: it finds them wrong.
    """
    with tempfile.TemporaryDirectory(prefix="rules-") as folder:
        (Path(folder) / "rules.json").write_text(json.dumps(rules))
        return _run(
            "promtool", "check", "rules", "--lint=all", "--lint-fatal", "rules.json", cwd=folder
        )


def try_rules(rules: Mapping[str, Any], tests: list[dict[str, Any]]) -> None:
    """
    Let promtool evaluate *rules* over the series of *tests*, in its own format.

    Raises:
        AssertionError: an alert fires that should not, or the other way round; says which.
    """
    with tempfile.TemporaryDirectory(prefix="rules-") as folder:
        (Path(folder) / "rules.json").write_text(json.dumps(rules))
        whole = {"rule_files": ["rules.json"], "evaluation_interval": "30s", "tests": tests}
        (Path(folder) / "tests.json").write_text(json.dumps(whole))
        _run("promtool", "test", "rules", "tests.json", cwd=folder)


def _run(program: str, *arguments: str, cwd: str | Path) -> str:
    done = subprocess.run(
        [find_tool(program), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout
