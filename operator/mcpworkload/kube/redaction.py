"""
Remove what may be secret from messages of the cluster.

Few users read a spec, many read a condition, an Event and the operator's log. The values of `env`,
`args`, `command` and the like may be secret, and the cluster quotes them: the API server a value
that it refuses, the runtime a program that it does not find, a webhook anything. `discreet` removes
values that are quoted in known forms, from every message that comes in. `Secrets` knows the texts
of one spec and removes those from messages about it, in any form.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

#: What stands below a field of these names may be secret.
SECRETIVE: Final = frozenset(
    {
        *("annotations", "args", "command", "env", "httpHeaders", "labels", "options"),
        "volumeAttributes",
    }
)
HIDDEN: Final = "<hidden>"
PROGRAM: Final = "<program>"
# Texts of these fields name an object; without them no message helps.
_NAMING = frozenset(
    {
        *("apiVersion", "claimName", "containerPort", "effect", "fieldPath", "image", "key"),
        *("kind", "mountPath", "name", "operator", "path", "port", "secretName", "type"),
    }
)
# And of these, whatever is wrong with them.
_SHOWN = frozenset({"claimName", "image", "mountPath", "name", "secretName"})
# How a value in Go's own syntax begins, as `[]core.EnvVar{` or `map[string]interface {}{`.
_GO = r"(?:\[\]|[\w*&])[\w.*\[\]]*(?: ?interface \{\})?\{"
_GO_VALUE = re.compile(_GO)
# A program quotes what it refuses after one of these.
_QUOTING = re.compile(
    r"(?<![^\s:])(?P<path>[^\s:]*): "
    r"(?:(?:(?:Invalid|Unsupported|Duplicate) value|Not found): "
    rf"|Too long: (?=[\"{{\[]|{_GO}))"
)
_HARMLESS = re.compile(r'"?[-+]?[0-9.]+(?:[a-zA-Z]{1,2})?"?|true|false|null|""')
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*(?:"|$)', re.DOTALL)
_PLAIN = re.compile(r"[^\s:,\]]*")
_STEP = re.compile(r"[A-Za-z]+")
# An API server's message is cut here.
_MAX_LENGTH = 16_384

# Shapes with a value in them that may stand once more in the same message.
_PROGRAMS = (
    re.compile(r'\bexec: (?P<value>"(?:[^"\\]|\\.)*")'),
    re.compile(r"\bexec (?P<value>/[^:\n]+)(?=: )"),
    re.compile(r"executable file [`'\"](?P<value>[^`'\"\n]+)[`'\"] not found"),
    re.compile(r'\bcommand (?P<value>"(?:[^"\\]|\\.)*")'),
    re.compile(r"\bcommand (?P<value>'.{,4000}?')(?= (?:exited|timed))", re.DOTALL),
    re.compile(r"lifecycle hook \((?P<value>\[.{,4000}?\])\)(?= for| failed|$)", re.DOTALL),
)
_OTHERS = (
    # Entries of lists have their keys as steps: numbers, except in the value of a patch.
    (
        re.compile(r'(?<=[\[,])((?!name=|mountPath=|protocol=)\w+)="(?:[^"\\]|\\.)*"'),
        rf"\1={HIDDEN}",
    ),
    # Server-side apply quotes in Go's own syntax, one error a line.
    (re.compile(r"\bgot &[^\n]*"), "got another type"),
    (re.compile(r",? ?error found in #\d+ byte of .*", re.DOTALL), ""),
    (re.compile(r"\bcannot unmarshal number \S+"), "cannot unmarshal a number"),
    # A name and password before the host of a registry or URL; no digest is one.
    (re.compile(r"(?<![^\s\"'/@=(])[^\s\"'/@=(]+@(?!sha\d+:)(?=\w)"), "<credentials>@"),
    (re.compile(r"(https?://[^\s\"?]+\?)(?!timeout=\w+\b)[^\s\"]+"), r"\1" + HIDDEN),
)


def discreet(text: str) -> str:
    """Return *text*, a message of the cluster, without the values that it quotes."""
    text, values = _without_quoted(text[:_MAX_LENGTH])
    for pattern in _PROGRAMS:
        programs = [match["value"].strip("\"'") for match in pattern.finditer(text)]
        text = pattern.sub(lambda match: match[0].replace(match["value"], PROGRAM), text)
        text = _hide(text, programs, PROGRAM, least=2)
    for pattern, instead in _OTHERS:
        text = pattern.sub(instead, text)
    return _hide(text, values)


def is_secretive(steps: Sequence[str]) -> bool:
    """Return whether a path with these *steps* leads to what may be secret."""
    return not SECRETIVE.isdisjoint(steps)


def _without_quoted(text: str) -> tuple[str, list[str]]:
    """Return *text* without the values after "Invalid value" and its like, and those texts."""
    parts, values, at = [], [], 0
    while (match := _QUOTING.search(text, at)) is not None:
        end = _end_of_value(text, match.end())
        quoted = text[match.end() : end]
        is_kept = _is_telling(match["path"], quoted)
        parts.append(text[at : match.end()] + (quoted if is_kept else HIDDEN))
        if not is_kept:
            values.append(_TEXT.sub(lambda found: found[0].strip('"'), quoted))
        at = end
    return "".join([*parts, text[at:]]), values


def _is_telling(path: str, quoted: str) -> bool:
    """Return whether a quoted value may stay: an amount or a name, and not of a secretive field."""
    steps = _STEP.findall(path)
    if is_secretive(steps):
        return False
    if _HARMLESS.fullmatch(quoted):
        return True
    return quoted.startswith('"') and bool(steps) and steps[-1] in _SHOWN


def _end_of_value(text: str, begin: int) -> int:
    """Return the end of the value at *begin*: a text, JSON, Go's syntax, or a bare word."""
    if (go := _GO_VALUE.match(text, begin)) is not None:
        return _end_of_braces(text, go.end() - 1)
    first = text[begin : begin + 1]
    if first == '"':
        match = _TEXT.match(text, begin)
        return match.end() if match else len(text)
    if first not in ("{", "["):
        plain = _PLAIN.match(text, begin)
        return plain.end() if plain else begin
    return _end_of_braces(text, begin)


def _end_of_braces(text: str, begin: int) -> int:
    """Return where the brace or bracket at *begin* is closed again."""
    depth, at = 0, begin
    while at < len(text):
        if text[at] == '"':
            match = _TEXT.match(text, at)
            at = match.end() if match else len(text)
            continue
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(text[at], 0)
        at += 1
        if depth == 0:
            return at
    return len(text)


# Shorter texts, and plain words, occur in messages by chance.
_LEAST = 6
_WORD = re.compile(r"[a-z]{1,15}")


class Secrets:
    """The texts of one spec that may be secret, collected at the first use."""

    def __init__(
        self, read: Callable[[], Mapping[str, Any]] = dict, names: Sequence[str] = ()
    ) -> None:
        """
        Take *read*, which returns the spec, and *names*, which are no secrets.

        A text in one of *names*, or in a name or image of the spec, is no secret either.
        """
        self._read = read
        self._names = names
        self._open: list[str] = []
        self._texts: list[str] | None = None

    def hide(self, text: str) -> str:
        """Return *text* without the secrets, whole or cut off by the end of *text*."""
        if self._texts is None:
            spec = self._read()
            self._open = [*self._names, *_open_words(spec)]
            found = set(_variants(spec))
            texts = (text for text in found if not any(text in word for word in self._open))
            self._texts = sorted(texts, key=len, reverse=True)
        return _hide(text, self._texts, kept=self._open)


def _hide(
    text: str,
    values: Sequence[str],
    instead: str = HIDDEN,
    *,
    least: int = _LEAST,
    kept: Sequence[str] = (),
) -> str:
    for value in values:
        if len(value) < least:
            continue
        if value in text:
            pattern = rf"(?<![\w]){re.escape(value)}(?![\w-])"
            text = re.sub(pattern, instead, text)
        # Messages are cut: of a text at their end only the beginning may be left.
        begin = text.rfind(value[:_LEAST])
        is_inside = begin > 0 and (text[begin - 1].isalnum() or text[begin - 1] == "_")
        if begin >= 0 and len(value) >= _LEAST and not is_inside:
            rest = text[begin:].rstrip(".\"'…")
            if rest not in kept and value.startswith(rest):
                text = text[:begin] + instead
    return text


def _open_words(node: Any, field: str = "") -> Iterator[str]:
    """Yield the texts of *node*, which is in *field*, that name an object, an image or a path."""
    if field in SECRETIVE:
        return
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "podTemplatePatch":
                yield from _open_words_of_patch(value)
            else:
                yield from _open_words(value, str(key))
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _open_words(value, field)
    elif isinstance(node, str) and field in _SHOWN:
        yield node


def _open_words_of_patch(operations: Any) -> Iterator[str]:
    for operation in operations or ():
        steps = str(operation.get("path", "")).split("/")
        if not is_secretive(steps):
            yield from _open_words(operation.get("value"), steps[-1])


def _variants(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield each text, its parts that can appear alone, and both in their quoted forms."""
    for text in _texts_of(spec):
        for part in (text, text.partition("=")[2], *text.splitlines()):
            part = part.strip()
            if len(part) >= _LEAST and not _WORD.fullmatch(part):
                yield part
                yield json.dumps(part)[1:-1]
                yield json.dumps(part, ensure_ascii=False)[1:-1]


def _texts_of(node: Any, field: str = "", *, patched: bool = False) -> Iterator[str]:
    """
    Yield the texts below secretive fields of *node*, which is in *field*.

    In the value of a patch, where a key may mean anything, yield those of all fields except names
    of objects.
    """
    if field in SECRETIVE:
        yield from _leaves(node)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if key == "podTemplatePatch":
                yield from _texts_of_patch(value)
            else:
                yield from _texts_of(value, str(key), patched=patched)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _texts_of(value, field, patched=patched)
    elif patched and isinstance(node, str) and field not in _NAMING:
        yield node


def _texts_of_patch(operations: Any) -> Iterator[str]:
    for operation in operations or ():
        steps = str(operation.get("path", "")).split("/")
        if is_secretive(steps):
            yield from _leaves(operation.get("value"))
        else:
            yield from _texts_of(operation.get("value"), steps[-1], patched=True)


def _leaves(node: Any) -> Iterator[str]:
    """Yield every value below *node*; of an entry of a list, as variables are, without its name."""
    if isinstance(node, Mapping):
        for value in node.values():
            yield from _leaves(value)
    elif isinstance(node, list | tuple):
        for value in node:
            is_entry = isinstance(value, Mapping)
            yield from _leaves(
                {key: value[key] for key in value if key not in ("name", "valueFrom")}
                if is_entry
                else value
            )
    elif node is not None and not isinstance(node, bool):
        yield str(node)
