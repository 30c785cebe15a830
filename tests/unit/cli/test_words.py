"""What the library says, in the words of the command line."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcpworkload import runtime
from mcpworkload.cli.words import OPTIONS, in_our_words

SOURCES = sorted(Path(str(runtime.__file__)).parent.glob("*.py"))
ERRORS = re.compile(
    r"^(Workload\w+|WaitTimedOut|RightsMissing|Runtime\w+|_?invalid\w*|_refuse\w*)$"
)
# snake_case, a keyword argument, a value of Python's.
LIBRARY = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b|\b\w+=(?:True|False|None)?(?=\W|$)|\bargument")
# Not the library's: a field, a key of an environment or of a file that the user wrote.
THEIRS = re.compile(r"spec\.\S+|MCP_\w+|allow_\w+|insecure_\w+|read_\w+|key=|KEY=\S*")


def told(source: str) -> Iterator[str]:
    """All texts that errors are made of in *source*, a placeholder for each value in them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if not ERRORS.match(node.func.id):
                continue
            for part in (
                *node.args,
                *(word.value for word in node.keywords if word.arg in ("advice", "message")),
            ):
                yield from texts(part)


def texts(node: ast.AST) -> Iterator[str]:
    """The text of a constant or a format string; both of a choice."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "X" for part in values
            )
        case ast.IfExp(body=body, orelse=orelse):
            yield from texts(body)
            yield from texts(orelse)


SAID = sorted({text for path in SOURCES for text in told(path.read_text(encoding="utf-8"))})


def test_there_is_something_to_translate() -> None:
    """The texts are found where they stand."""
    assert len(SAID) > 30
    assert any("k8s_pod_template_patch" in text or "start_workload" in text for text in SAID)


@pytest.mark.parametrize("text", [text for text in SAID if " " in text])
def test_no_word_of_the_library_reaches_a_user_of_the_command_line(text: str) -> None:
    """Arguments are options, methods are commands."""
    said = in_our_words(text)

    assert not LIBRARY.search(THEIRS.sub("", said)), said


@pytest.mark.parametrize("word", OPTIONS)
def test_every_argument_has_its_option(word: str) -> None:
    """At the beginning of a message, where the library names what it refuses."""
    said = in_our_words(f"demo/weather: {word}: found 1; write text")

    assert said == f"demo/weather: {OPTIONS[word]}: found 1; write text"


def test_words_of_everyday_language_stay() -> None:
    """Only what stands where an argument's name stands is one."""
    text = "demo/weather: the image of the pod has a name, a timeout and a container"

    assert in_our_words(text) == text
