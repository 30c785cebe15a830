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
