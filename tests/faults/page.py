"""Write what was found into the page about faults: ``python -m tests.faults.page``."""

import json
from pathlib import Path

from tests.faults.findings import RESULTS

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
_BEGIN, _END = "<!-- findings: begin -->\n", "<!-- findings: end -->\n"
_HEAD = (
    "| fault | how it is made | workloads | lost, orphaned, doubled | converged after "
    "| writes a workload | ends of the process | memory: idle, after |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def make_table(findings: dict[str, dict[str, object]]) -> str:
    """Return the table of *findings*; a finding exists only where nothing was lost."""
    rows = (
        "| {fault} | {how} | {workloads} | nothing | {seconds} s | {writes} | {ends} "
        "| {idle_memory}, {memory} MiB |\n".format(**each)
        for each in findings.values()
    )
    return _HEAD + "".join(rows)


def write_page(findings: dict[str, dict[str, object]]) -> None:
    """Put the table of *findings* into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    table = make_table(findings)
    PAGE.write_text(f"{before}{_BEGIN}{table}{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write_page(json.loads(RESULTS.read_text()))
