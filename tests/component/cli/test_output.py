"""Tables on terminals of every width, and output that cannot be written."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpworkload.cli import output
from mcpworkload.cli.output import Table, cut, fit
from tests.support.commands import CommandHarness, make_body

COLUMNS = (
    *("NAMESPACE", "NAME", "STATE", "REASON", "READY", "RESTARTS", "AGE", "URL"),
    *("TRANSPORT", "PORTS", "IMAGE", "STATUS"),
)
ROW = (
    *("team-weather", "weather-forecast", "failed", "ImagePullFailed", "0/1", "12", "119s"),
    *("http://weather-forecast.team-weather.svc:8080/mcp", "streamable-http", "8080/tcp"),
    *(
        "registry.example.com/team/weather-forecast:1.2.3",
        "ImagePullFailed: pod weather-0",
    ),
)
GAP = 3


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 4096])
def test_a_narrow_terminal_takes_from_the_right(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name, state and readiness are always there, no line is too long, what is cut says so."""
    monkeypatch.setattr(output, "width_of", lambda _: width)

    head, line = Table(COLUMNS, [ROW]).lines()

    assert {"NAME", "STATE", "READY"} <= set(head.split())
    assert {"failed", "0/1"} <= set(line.split())
    assert max(len(head), len(line)) <= width
    shown = head.split()
    others = [column for column in COLUMNS if column not in ("NAME", "NAMESPACE", "STATE", "READY")]
    assert [column for column in shown if column in others] == others[: len(shown) - 4]
    for cell in line.split("   "):
        assert cell.strip() in ("", *ROW) or cell.strip().endswith("…")
    assert width < 4096 or line.split() == " ".join(ROW).split()


@settings(deadline=None)
@given(
    widths=st.lists(st.integers(1, 60), min_size=len(COLUMNS), max_size=len(COLUMNS)),
    room=st.integers(20, 300),
)
def test_whatever_the_widths_the_columns_that_count_stay(widths: list[int], room: int) -> None:
    """All fits, wherever names of eight characters would."""
    fitted = fit(COLUMNS, widths, room)

    shown = [width for width in fitted if width is not None]
    kept = [COLUMNS.index(column) for column in ("NAMESPACE", "NAME", "STATE", "READY")]
    assert all(fitted[number] is not None for number in kept)
    least = [min(widths[n], 8) if COLUMNS[n].startswith("NAME") else widths[n] for n in kept]
    if sum(least) + GAP * 3 <= room:
        assert sum(shown) + GAP * (len(shown) - 1) <= room
    assert all(width is None or width <= most for width, most in zip(fitted, widths, strict=True))


def test_wide_characters_count_twice() -> None:
    """A description of a stranger's tool in another script is cut where the terminal ends."""
    assert cut("天気を知らせる", 8) == "天気を…"
    assert cut("weather", 7) == "weather"


def test_descriptions_of_tools_are_cut_with_an_ellipsis(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a tool is whole."""
    monkeypatch.setattr(output, "width_of", lambda _: 30)

    lines = Table(("NAME", "DESCRIPTION"), [("get-forecast", "x" * 50)]).lines()

    assert lines[1] == f"get-forecast   {'x' * 14}…"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("words", [("--help",), ("version", "--client"), ("run", "a", "--dry-run")])
def test_a_full_disk_is_one_line(words: tuple[str, ...]) -> None:
    """Wherever the output comes from: no trace, and the exit code of what could not be done."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mcpworkload.cli", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


def test_a_list_in_a_pipe_is_whole() -> None:
    """However long the names are."""
    name = "w" * 52
    text = CommandHarness(make_body(name)).run("list", "-o", "wide").stdout

    assert name in text
    assert "…" not in text
