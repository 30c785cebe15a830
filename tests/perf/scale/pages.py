"""The files in which a benchmark's results are kept: JSON, a table, a chart, a page of docs."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.local.settings import REPOSITORY
from tests.perf.scale import chart, report
from tests.perf.scale.result import Run
from tests.perf.scale.targets import judge_all

PAGE = REPOSITORY / "docs" / "performance.md"
CHART = REPOSITORY / "docs" / "performance.svg"
_SECTION = re.compile(r"(?<=<!-- figures: begin -->\n).*(?=<!-- figures: end -->)", re.DOTALL)


def save(path: Path, environment: Mapping[str, str], runs: Sequence[Run]) -> None:
    """Write the JSON file."""
    content = {"environment": environment, "runs": [one.as_dict() for one in runs]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1))


def load(path: Path) -> tuple[dict[str, str], list[Run]]:
    """Return environment and runs of a JSON file."""
    content = json.loads(path.read_text())
    return content["environment"], [Run.load(one) for one in content["runs"]]


def render(path: Path, floor: str, before: Path | None) -> tuple[str, str]:
    """Return table and chart of a JSON file; the chart is empty where nothing can be judged."""
    environment, runs = load(path)
    older = load(before)[1] if before else []
    words = "; ".join(f"{name}: {value}" for name, value in environment.items())
    table = f"Measured with {words}.\n\n{report.render(runs, floor, older)}"
    verdicts = judge_all(runs, floor)
    drawn = [chart.render(found, f"{name} and its targets") for name, found in verdicts.items()]
    return table, next((one for one in drawn if one), "")


def write(path: Path, floor: str, before: Path | None = None) -> str:
    """Write table and chart beside the JSON file; return the table."""
    table, drawing = render(path, floor, before)
    path.with_suffix(".md").write_text(table)
    path.with_suffix(".svg").write_text(drawing)
    return table


def write_page(path: Path, floor: str, before: Path | None = None) -> None:
    """
    Write table and chart into the documentation.

    Raises:
        ValueError: the page has no section for them.
    """
    table, drawing = render(path, floor, before)
    image = f"![each figure as a share of its limit]({CHART.name})"
    text, count = _SECTION.subn(lambda _: f"\n{image}\n\n{table}\n", PAGE.read_text())
    if count != 1:
        raise ValueError(f"{PAGE} has no section between two comments for figures")
    PAGE.write_text(text)
    CHART.write_text(drawing)
