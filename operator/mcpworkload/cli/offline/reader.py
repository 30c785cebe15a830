"""
Pure: manifests as kubectl reads them, from YAML or JSON.

PyYAML reads octal numbers, dates and numbers of base 60 in another way than kubectl's library, and
a check has to read what the cluster gets. So only scanning and parsing are PyYAML's.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from mcpworkload.cli.offline.scalars import PREFIX, Scalar, plain, tagged

_SEPARATOR: Final = "---"
_PLAIN: Final = "plain"
_MERGE: Final = "<<"
# Aliases of aliases make a small text large; kubectl refuses those as well.
_MOST_VALUES: Final = 1_000_000
_LINE_ENDS: Final = "\0\r\n\x85\u2028\u2029"
# Behind a backslash, Go's library takes a quote, and no slash.
_ESCAPES: Final = {
    **{char: value for char, value in yaml.SafeLoader.ESCAPE_REPLACEMENTS.items() if char != "/"},
    "'": "'",
}
Node = Any


class UnreadableError(ValueError):
    """The text is neither YAML nor JSON as kubectl takes them; names the place and the reason."""


class Reader:
    """Reads one text; `doubled` are the keys that it has twice, of which kubectl takes the last."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._values = 0
        self.doubled: list[str] = []

    def objects(self) -> list[dict[str, Any]]:
        """
        Return the objects of all documents; those of lists one by one.

        Raises:
            UnreadableError: some document cannot be read.
        """
        try:
            found = self._json() if self._text.lstrip().startswith("{") else self._yaml()
            return [item for document in found for item in _flattened(document)]
        except yaml.YAMLError as error:
            raise UnreadableError(_words(error)) from None
        except RecursionError:
            raise UnreadableError("it is nested too deeply") from None

    def _json(self) -> list[Any]:
        """Return the documents of a text that begins with a brace; kubectl reads it as JSON."""
        decoder = json.JSONDecoder(object_pairs_hook=self._paired, parse_constant=_refuse_constant)
        found, rest = [], self._text.lstrip()
        try:
            while rest:
                document, end = decoder.raw_decode(rest)
                found.append(_as_json(document))
                rest = rest[end:].lstrip()
        except ValueError as error:
            words = f"document {len(found) + 1} begins with a brace and is no JSON: {error}"
            raise UnreadableError(words) from None
        return found

    def _paired(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            self.doubled += sorted({key for key in keys if keys.count(key) > 1})
        return found

    def _yaml(self) -> list[Any]:
        found = []
        for first, piece in _documents(self._text):
            loader = _Loader(piece)
            loader.line = first
            try:
                if loader.check_node():
                    found.append(_as_json(self._value(loader.get_node(), ())))
            finally:
                loader.dispose()
        return found

    def _value(self, node: Node, inside: tuple[Node, ...]) -> Any:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise UnreadableError("it grows too large by its aliases")
        if node in inside:
            raise _at(node, "an anchor contains itself")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*inside, node)) for item in node.value]
        found: dict[str, Any] = {}
        written: set[str] = set()
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                self._merge(found, value_node, (*inside, node))
                continue
            key = _key(key_node)
            if key in written:
                self.doubled.append(key)
            written.add(key)
            found[key] = self._value(value_node, (*inside, node))
        return found

    def _merge(self, into: dict[str, Any], node: Node, inside: tuple[Node, ...]) -> None:
        # The last that is merged wins, so the first of a list goes last.
        sources = reversed(node.value) if isinstance(node, yaml.SequenceNode) else (node,)
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                raise _at(node, "<< takes a mapping, or a list of mappings")
            into.update(self._value(source, inside))


class _Loader(yaml.SafeLoader):
    """Composes nodes; the tag marks a word in quotes, and tabs are read as Go reads them."""

    ESCAPE_REPLACEMENTS = _ESCAPES  # type: ignore[misc]

    def scan_to_next_token(self) -> None:
        """PyYAML's, but that a tab is a blank wherever it cannot be taken for indentation."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            blanks = " \t" if self.flow_level or not self.allow_simple_key else " "
            while self.peek() in blanks:
                self.forward()
            if self.peek() == "#":
                while self.peek() not in _LINE_ENDS:
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> Any:
        """PyYAML's, but that tabs may stand between plain words and behind them."""
        length = 0
        while self.peek(length) in " \t":
            length += 1
        blanks = self.prefix(length)
        if "\t" in blanks:
            self.forward(length)
            if self.peek() not in _LINE_ENDS:
                return [blanks]
        line = self.line
        found = super().scan_plain_spaces(indent, start_mark)
        if self.peek() == "\t" and self.line > line and self.column < indent:
            words, place = "found a tab that violates indentation", self.get_mark()
            raise yaml.scanner.ScannerError(
                "while scanning a plain scalar", start_mark, words, place
            )
        return found

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        found: str = super().resolve(kind, value, (False, False))  # type: ignore[no-untyped-call]
        return found

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent):
            # A later anchor of the same name takes the place of the former.
            self.anchors.pop(event.anchor, None)
        if isinstance(event, yaml.ScalarEvent) and event.tag == "!":
            event.tag = f"{PREFIX}str"
        return super().compose_node(parent, index)


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """Yield the text between separators, each with the number of lines before it."""
    piece: list[str] = []
    first = 0
    # Other characters that end a line to Python end none to kubectl.
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    for number, line in enumerate(lines):
        if not line.startswith(_SEPARATOR):
            piece.append(line)
            continue
        if (rest := line.removeprefix(_SEPARATOR).strip()) and not rest.startswith("#"):
            raise UnreadableError(f"line {number + 1}: {rest!r} stands behind ---")
        yield first, "".join(piece)
        piece, first = [], number + 1
    yield first, "".join(piece)


def _scalar(node: Node) -> Scalar:
    if node.tag == _PLAIN:
        found = plain(node.value)
    else:
        try:
            found = tagged(node.tag, node.value)
        except ValueError as error:
            raise _at(node, str(error)) from None
    if isinstance(found, float) and not math.isfinite(found):
        raise _at(node, f"{node.value} is no number that JSON has; for text, put it in quotes")
    if isinstance(found, str) and not found.isascii() and _has_surrogates(found):
        raise _at(node, "an escape stands for half a character")
    return found


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _is_merge(node: Node) -> bool:
    return node.value == _MERGE and node.tag in (_PLAIN, f"{PREFIX}merge")


def _key(node: Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _at(node, "a key is no single word")
    found = _scalar(node)
    if found is None:
        raise _at(node, "a key is null; put it in quotes")
    if isinstance(found, bool):
        return str(found).lower()
    return found if isinstance(found, str) else f"{found:g}" if type(found) is float else str(found)


def _as_json(value: Any) -> Any:
    """*value* after a way through JSON: a number without a fraction is an integer."""
    match value:
        case dict():
            return {_text(key): _as_json(item) for key, item in value.items()}
        case list():
            return [_as_json(item) for item in value]
        case float() if value.is_integer() and abs(value) < 1e21:
            return int(value)
        case str():
            return _text(value)
    return value


def _text(text: str) -> str:
    """*text*, a lone half of a character replaced as Go does; pairs are joined."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _flattened(document: Any) -> Iterator[dict[str, Any]]:
    """*document*, or the items of a list, whatever its kind."""
    if document is None:
        return
    if not isinstance(document, dict):
        raise UnreadableError("a document is no mapping")
    if not isinstance(document.get("items"), list):
        yield document
        return
    kind = str(document.get("kind", "")).removesuffix("List")
    for item in document["items"]:
        if not isinstance(item, dict):
            raise UnreadableError("an item of a list is no mapping")
        inherited = {"apiVersion": document.get("apiVersion"), "kind": kind} if kind else {}
        yield from _flattened(item if item.get("kind") else {**item, **inherited})


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _at(node: Node, words: str) -> UnreadableError:
    mark = node.start_mark
    return UnreadableError(f"line {mark.line + 1}, column {mark.column + 1}: {words}")


def _words(error: yaml.YAMLError) -> str:
    """Return one line about *error*."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)
