"""The page that tells users what each trouble looks like: its sections, by their titles."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
# A section's title, what it says, and what kubectl shows.
_SECTION = re.compile(
    r"^### (?P<title>.+)\n(?P<text>(?:(?!#).*\n)*?)^```text\n(?P<block>(?:(?!```).*\n)*)^```$",
    re.MULTILINE,
)


def read_blocks() -> dict[str, str]:
    """What kubectl shows in each section."""
    text = PAGE.read_text(encoding="utf-8")
    return {found["title"]: found["block"].rstrip("\n") for found in _SECTION.finditer(text)}


def write_block(title: str, block: str) -> None:
    """Let kubectl show *block* in the section with that title."""
    text = PAGE.read_text(encoding="utf-8")
    for found in _SECTION.finditer(text):
        if found["title"] == title:
            begin, end = found.span("block")
            PAGE.write_text(f"{text[:begin]}{block}\n{text[end:]}", encoding="utf-8")
            return
    raise AssertionError(f"{PAGE.name} has no section {title!r} with a block of text")


def read_table(title: str) -> str:
    """The first table of the chapter with that title."""
    text, begin, end = _find_table(title)
    return text[begin:end]


def write_table(title: str, table: str) -> None:
    """Let *table* be the first one of the chapter with that title."""
    text, begin, end = _find_table(title)
    PAGE.write_text(text[:begin] + table + text[end:], encoding="utf-8")


def _find_table(title: str) -> tuple[str, int, int]:
    """The page's text, and where the table begins and ends in it."""
    text = PAGE.read_text(encoding="utf-8")
    chapter = rf"^## {re.escape(title)}\n(?:(?![#|]).*\n)*(?P<table>(?:\|.*\n)+)"
    found = re.search(chapter, text, re.MULTILINE)
    assert found, f"{PAGE.name} has no chapter {title!r} with a table"
    return text, *found.span("table")
