"""How results are written: tables for people, JSON and YAML for programs."""

import dataclasses
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

# Where no terminal sets a width nothing is cut: whoever reads a pipe has columns to find.
_PIPE_WIDTH = 4096
_CUT = frozenset({"URL", "IMAGE", "STATUS", "DESCRIPTION"})
_COLOURS = {
    "running": "green",
    "failed": "red",
    "starting": "yellow",
    "stopping": "yellow",
    "removing": "yellow",
    "stopped": "dim",
}


def plain(value: Any) -> Any:
    """*value* as JSON can have it: dataclasses as mappings with the API's names."""
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
    """*value* as JSON or YAML."""
    data = plain(value)
    if output == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    import yaml

    click.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), nl=False)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table as wide as the terminal; what tells its state by colour also does by a word."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    cells = [[clean(cell) for cell in row] for row in rows]
    for number, column in enumerate(columns):
        # Where the terminal is narrow only what explains is cut; the rest has to be whole.
        whole = max(map(len, (column, *(row[number] for row in cells))))
        least = None if column in _CUT else whole
        table.add_column(column, no_wrap=True, overflow="ellipsis", min_width=least)
    for row in cells:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    with out.capture() as written:
        out.print(table)
    click.echo("\n".join(line.rstrip() for line in written.get().splitlines()), color=True)


def console(*, err: bool = False) -> "Console":
    """Where text goes; colour only on a terminal, and not with NO_COLOR."""
    from rich.console import Console

    file = sys.stderr if err else sys.stdout
    width = None if file.isatty() else _PIPE_WIDTH
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def clean(text: str) -> str:
    """*text* without what would steer a terminal: some of it comes from strangers."""
    return "".join(char if char.isprintable() else " " for char in text)


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago *moment* was, as kubectl says it."""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for unit, size, until in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86_400}d"


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)
