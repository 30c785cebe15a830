"""Links within the documents lead somewhere: to a file or folder, and to a heading of a page."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "DESIGN.md", "SECURITY.md", "CHANGELOG.md")
PAGES = sorted([*(ROOT / name for name in TOP), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^ *\[[^\]]+\]: +(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#* *$", re.MULTILINE)
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def find_links(text: str) -> list[str]:
    """Return the targets of the links in *text*, those in code left out."""
    prose = _CODE.sub("code", _FENCE.sub("", text))
    return [inline or reference for inline, reference in _LINK.findall(prose)]


def find_anchors(text: str) -> set[str]:
    """Return the anchors of the headings in *text*, as GitHub makes them."""
    anchors: dict[str, int] = {}
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        slug = slug_of(heading)
        count = anchors.get(slug, 0)
        anchors[slug] = count + 1
        if count:
            anchors[f"{slug}-{count}"] = 1
    return set(anchors)


def slug_of(heading: str) -> str:
    """Return the anchor of *heading*: letters, digits, dashes and underscores, in lower case."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    kept = (
        letter
        for letter in words.lower()
        if letter in " -_" or unicodedata.category(letter)[0] in "LNM"
    )
    return "".join(kept).replace(" ", "-")


def find_broken(page: Path) -> Iterator[str]:
    """Yield each relative link of *page* that leads nowhere."""
    for link in find_links(page.read_text(encoding="utf-8")):
        if _SCHEME.match(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or not target.resolve().is_relative_to(ROOT):
            yield f"{link}: there is no such file"
        elif anchor and target.is_dir():
            yield f"{link}: a folder has no headings"
        elif anchor and anchor not in find_anchors(target.read_text(encoding="utf-8")):
            yield f"{link}: the page has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """A file that moved, or a heading that was reworded, is found here and not by a reader."""
    assert list(find_broken(page)) == []


def test_the_index_has_every_page() -> None:
    """Pages for users, that is; those of design and decisions have indexes of their own."""
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in find_links(index.read_text())}

    assert set((ROOT / "docs").glob("*.md")) - {index} <= linked


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Who it is: a gateway that asks", "who-it-is-a-gateway-that-asks"),
        ("Clients of 2026-07-28", "clients-of-2026-07-28"),
        ("The library: `mcpworkload.runtime`", "the-library-mcpworkloadruntime"),
        ("`sessions_max` is [here](there.md)", "sessions_max-is-here"),
    ],
)
def test_an_anchor_is_made_as_github_makes_it(heading: str, anchor: str) -> None:
    """Signs go, spaces become dashes."""
    assert find_anchors(f"## {heading}\n") == {anchor}


def test_code_has_neither_links_nor_headings() -> None:
    """What stands between fences is shown, not followed."""
    text = "# Title\n\n```\n# comment\n[a](b.md)\n```\n`[c](d.md)` and [e](f.md#g)\n"

    assert find_anchors(text) == {"title"}
    assert find_links(text) == ["f.md#g"]
