"""Figures that tests measure, for the summary at the end of the run."""

import pytest


class Figures:
    """What was measured, in the order of the tests."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def note(self, what: str) -> None:
        """Add a line to the summary."""
        self._lines.append(what)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what was measured."""
        if self._lines:
            terminalreporter.section("measured")
            for line in self._lines:
                terminalreporter.write_line(line)
