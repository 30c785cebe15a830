"""Where Go's YAML library, which kubectl has, reads otherwise than PyYAML."""

from typing import Any

import pytest

from mcpworkload.cli.offline.reader import Reader, UnreadableError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("a:\tb", "b", id="a tab before a value"),
        pytest.param("a: \t b\t\n", "b", id="around it"),
        pytest.param("a\t: b", "b", id="behind a key"),
        pytest.param("a: b\t# c", "b", id="before a comment"),
        pytest.param('a: "b"\t\n', "b", id="behind quotes"),
        pytest.param("a: b\tc", "b\tc", id="between words"),
        pytest.param("a: b \t c # d", "b \t c", id="and blanks"),
        pytest.param("a: b\t\n  c\n", "b c", id="before a further line"),
        pytest.param("a: [b\tc]", ["b\tc"], id="between words of a list"),
        pytest.param("a: [\t1,\t2\t]", [1, 2], id="in a list"),
        pytest.param("a: {\n\t\tb: 'c'\n\t}", {"b": "c"}, id="in braces, as indentation"),
        pytest.param("a: |\n  b\tc\n", "b\tc\n", id="in a block"),
        pytest.param("a: &x\tb", "b", id="behind an anchor"),
        pytest.param("\ufeffa: b", "b", id="a byte order mark"),
        pytest.param('a: "it\\\'s"', "it's", id="a quote behind a backslash"),
    ],
)
def test_what_kubectl_takes(text: str, value: Any) -> None:
    """As it takes it."""
    assert Reader(text).objects() == [{"a": value}]


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
def test_a_document_begins_behind_a_line_end_of_kubectls(char: str) -> None:
    """Other characters end a line to Python alone."""
    assert len(Reader(f"a: 'b\n\n  c{char}---d'\n---\na: b").objects()) == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a:\n\tb: c", id="a tab as indentation"),
        pytest.param("\ta: b", id="at the beginning"),
        pytest.param("a:\n-\tb: c", id="behind a dash"),
        pytest.param("a: {\n\tb: c\n\t}", id="behind a plain word, on the next line"),
        pytest.param('a: "b\\/c"', id="a slash behind a backslash"),
    ],
)
def test_what_kubectl_refuses(text: str) -> None:
    """With the place."""
    with pytest.raises(UnreadableError, match="line "):
        Reader(text).objects()
