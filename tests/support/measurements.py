"""What tests measure, for the summary at the end of the run."""

from typing import Any

import pytest


class Measurements:
    """What was measured, in the order of the tests."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def note(self, what: str) -> None:
        """Add a line to the summary."""
        self._lines.append(what)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the lines of a worker to the process that prints the summary."""
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["measurements"] = self._lines

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the lines of a worker that has ended."""
        self._lines += getattr(node, "workeroutput", {}).get("measurements", [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what was measured."""
        if self._lines:
            terminalreporter.section("measured")
            for line in self._lines:
                terminalreporter.write_line(line)
