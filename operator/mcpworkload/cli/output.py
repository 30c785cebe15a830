"""The forms of results: tables for people, JSON and YAML for programs."""

import dataclasses
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import yaml
    from rich.console import Console

# Nothing is cut where no terminal sets a width: a program that reads a pipe finds columns.
_PIPE_WIDTH = 4096
_GAP = "   "
# Columns that explain may be cut, down to so many characters.
_CUT = frozenset({"URL", "SERVER", "IMAGE", "STATUS", "DESCRIPTION"})
_LEAST = 8
_NAMES = ("NAME", "NAMESPACE")
_KEPT = frozenset({*_NAMES, "STATE", "READY"})
_STYLES: dict[str, dict[str, Any]] = {
    "running": {"fg": "green"},
    "failed": {"fg": "red"},
    "starting": {"fg": "yellow"},
    "stopping": {"fg": "yellow"},
    "removing": {"fg": "yellow"},
    "stopped": {"dim": True},
}


def plain(value: Any) -> Any:
    """Return *value* as JSON can have it: dataclasses as mappings with the API's names."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            _camel(field.name): plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def write_data(value: Any, output: str) -> None:
    """Print *value* as JSON or YAML."""
    data = plain(value)
    if output == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts of several lines as they are, such as a configuration file."""

    Dumper.add_representer(str, _represent_text)
    click.echo(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True), nl=False)


def _represent_text(dumper: "yaml.SafeDumper", text: str) -> "yaml.ScalarNode":
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """
    Print a table: whole lines in a pipe, cut to the terminal's width on a terminal.

    A state has a word beside its colour.
    """
    for line in Table(columns, rows).lines():
        click.echo(line, color=True)


class Table:
    """Cells under columns; a table that goes on prints further rows under the same columns."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        self._columns = tuple(columns)
        self._rows = [tuple(clean(cell) for cell in row) for row in rows]
        widths = [max(map(_size, cells)) for cells in zip(self._columns, *self._rows, strict=True)]
        self._widths = fit(self._columns, widths, width_of(sys.stdout))

    def lines(self) -> list[str]:
        """Return the columns' names, then a line for each row."""
        head = self._line(self._columns, bold=True)
        return [head, *(self.line(row) for row in self._rows)]

    def line(self, row: Sequence[str]) -> str:
        """Return the line of one row."""
        return self._line([clean(cell) for cell in row])

    def _line(self, cells: Sequence[str], *, bold: bool = False) -> str:
        *before, last = [
            (cell, width)
            for cell, width in zip(cells, self._widths, strict=True)
            if width is not None
        ]
        padded = [(cell, cut(cell, width) + " " * (width - _size(cell))) for cell, width in before]
        parts = [*padded, (last[0], cut(*last))]
        words = (
            styled(text, **({"bold": True} if bold else _STYLES.get(cell, {})))
            for cell, text in parts
        )
        return _GAP.join(words).rstrip()


def fit(columns: Sequence[str], widths: Sequence[int], room: int) -> list[int | None]:
    """
    Return the width of each column, None for one to leave out, so that all fit into *room*.

    The columns for the name and the state stay. As many others as fit follow, from the left; the
    last of them may be cut, if it only explains.
    """
    kept = [number for number, column in enumerate(columns) if column in _KEPT]
    room -= sum(widths[number] + len(_GAP) for number in kept) - len(_GAP)
    fitted: list[int | None] = [None] * len(columns)
    for number in kept:
        fitted[number] = widths[number]
        if room < 0 and columns[number] in _NAMES:
            narrow = min(widths[number], max(widths[number] + room, _LEAST))
            room += widths[number] - narrow
            fitted[number] = narrow
    for number, column in enumerate(columns):
        if number in kept:
            continue
        width = widths[number]
        if column in _CUT:
            width = min(width, max(room - len(_GAP), _LEAST))
        if width + len(_GAP) > room:
            break
        fitted[number] = width
        room -= width + len(_GAP)
    return fitted


def cut(text: str, width: int) -> str:
    """Return *text* in *width* columns of a terminal; a text that is cut ends with an ellipsis."""
    if _size(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1).rstrip() + "…"


def _size(text: str) -> int:
    """Return how many columns of a terminal *text* takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def width_of(file: Any) -> int:
    """Return how wide a line of *file* may be: unlimited without a terminal."""
    return shutil.get_terminal_size().columns if file.isatty() else _PIPE_WIDTH


def styled(text: str, **style: Any) -> str:
    """Return *text* with colour and weight on a terminal, and without if NO_COLOR is set."""
    is_plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    return text if is_plain or not style else click.style(text, **style)


def console() -> "Console":
    """Return the console for progress: standard error, a terminal."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


def clean(text: str) -> str:
    """Return *text* without what would steer a terminal: some of it comes from servers."""
    return "".join(char if char.isprintable() else " " for char in text)


def age(moment: datetime, now: datetime | None = None) -> str:
    """Return how long ago *moment* was, in kubectl's form."""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for unit, size, until in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86_400}d"


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)
