"""
Pure: what a caller may write for an argument; everything else is refused by the argument's name.

A check takes a value and where it stands, and returns the value as it is used: what a caller
changes later in a list of its own changes nothing here.
"""

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from mcpworkload.runtime.errors import WorkloadInvalid

Check = Callable[[Any, str], Any]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NAME_ADVICE = "write lower-case letters, digits and dashes"
_LARGEST = 2**31 - 1
# Longer than anything lasts; the event loop's clock still counts it.
_LONGEST_SECONDS = 10 * 365 * 86_400.0


def wrong(where: str, found: str, right: str) -> WorkloadInvalid:
    """Return the error for what was found at *where*."""
    return refused(where, f"found {found}; {right}")


def refused(where: str, why: str) -> WorkloadInvalid:
    """Return the error for *where*: `argument`, `argument[key]`, `argument.path.to[0]`."""
    argument = re.split(r"[\[ ]", where, maxsplit=1)[0]
    # A document is named by the whole path, an argument by its name.
    field = where if "." in argument else argument
    return WorkloadInvalid(f"{where}: {why}", reason="Invalid", fields=(field,))


def kind_of(value: Any) -> str:
    """Return the type of *value* in words, never the value: it may be a secret."""
    return "None" if value is None else f"a value of type {type(value).__name__}"


def text(value: Any, where: str) -> str:
    """Return a text that a container can receive; it may be empty."""
    if not isinstance(value, str):
        raise wrong(where, kind_of(value), "write a text (str)")
    if "\0" in value:
        raise wrong(where, "a NUL character", "no program can be given one: leave it out")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise wrong(where, "half of a surrogate pair", "write Unicode characters") from None
    return value


def filled(value: Any, where: str) -> str:
    """Return a text that is not empty."""
    if not text(value, where).strip():
        raise wrong(where, "an empty text", "write one, or leave the argument out")
    return str(value)


def image(value: Any, where: str) -> str:
    """Return the name of a container image."""
    if not re.fullmatch(r"[^\s\x00-\x20\x7f]+", text(value, where)):
        right = 'write the image as one word, such as "ghcr.io/acme/weather:1.4"'
        raise wrong(where, repr(value[:200]), right)
    return str(value)


def label(value: Any, where: str) -> str:
    """Return a name such as a namespace or a container has."""
    if not _LABEL.fullmatch(text(value, where)):
        raise wrong(where, repr(value[:80]), f"{_NAME_ADVICE}, at most 63")
    return str(value)


def workload_id(value: Any, where: str) -> str:
    """Return `namespace/name`, or a name alone."""
    namespace, slash, name = text(value, where).rpartition("/")
    if not _OBJECT.fullmatch(name) or (slash and not _LABEL.fullmatch(namespace)):
        right = f"it is no id: write namespace/name, or a name; {_NAME_ADVICE}"
        raise wrong(where, repr(value[:80]), right)
    return str(value)


def path(value: Any, where: str) -> str:
    """Return the path of a file."""
    return filled(os.fspath(value) if isinstance(value, os.PathLike) else value, where)


def words(value: Any, where: str) -> tuple[str, ...]:
    """Return a list of texts, such as a program with its arguments."""
    return _items(value, where, text, "write a list of words, not one string")


def mapping(value: Any, where: str) -> dict[str, str]:
    """Return texts by their keys, which are not empty."""
    if not isinstance(value, Mapping):
        raise wrong(where, kind_of(value), 'write a mapping, such as {"KEY": "value"}')
    return {filled(key, f"{where} (a key)"): text(value[key], f"{where}[{key!r}]") for key in value}


def flag(value: Any, where: str) -> bool:
    """Return True or False."""
    if not isinstance(value, bool):
        raise wrong(where, kind_of(value), "write True or False")
    return value


def count(value: Any, where: str) -> int:
    """Return a whole number that is not negative; True is a number to Python, but not here."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(where, kind_of(value), "write a whole number (int)")
    if not 0 <= value <= _LARGEST:
        found = "a negative number" if value < 0 else "a number that is too large"
        raise wrong(where, found, f"a number is not negative, and at most {_LARGEST}")
    return int(value)


def port(value: Any, where: str) -> int:
    """Return the number of a port."""
    if not 1 <= count(value, where) <= 65_535:
        raise wrong(where, str(value), "write 1 to 65535")
    return int(value)


def own_port(value: Any, where: str) -> int:
    """Return the number of a port of this machine; 0 for any."""
    return port(value, where) if count(value, where) else 0


def seconds(value: Any, where: str) -> float | None:
    """Return a number of seconds; None for as long as it takes."""
    return None if value is None else _seconds(value, where, "None waits for ever")


def moment(value: Any, where: str) -> datetime | float:
    """Return a time with its zone, or a number of seconds ago."""
    if not isinstance(value, datetime):
        return _seconds(value, where, "or a datetime with its zone")
    if value.utcoffset() is None:
        raise wrong(where, "a time without a zone", "a time needs its zone, such as datetime.UTC")
    try:
        return value.astimezone(UTC)
    except (OverflowError, ValueError):
        raise wrong(where, "a time that UTC does not have", "write a later one") from None


def pod(value: Any, where: str) -> str | int:
    """Return a pod, by its name or its number."""
    return label(value, where) if isinstance(value, str) else count(value, where)


def function(value: Any, where: str) -> Callable[..., Any]:
    """Return something that can be called."""
    if not callable(value):
        raise wrong(where, kind_of(value), "write a function")
    return cast("Callable[..., Any]", value)


def data(value: Any, where: str) -> bytes:
    """Return bytes to send."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise wrong(where, kind_of(value), "write bytes; a text with .encode()")
    return bytes(value)


def limit(value: Any, where: str) -> int:
    """Return a number of bytes; a negative one sets no limit."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(where, kind_of(value), "write a whole number (int)")
    return int(value)


def texts(value: Any, where: str) -> frozenset[str]:
    """Return a collection of texts; of a mapping, its keys."""
    if not isinstance(value, Collection) or isinstance(value, (str, bytes, bytearray, memoryview)):
        raise wrong(where, kind_of(value), "write a list or a set of texts")
    return frozenset(text(item, f"{where} (an entry)") for item in value)


def one_of(*choices: str) -> Check:
    """Return the check for one of a few words."""

    def check(value: Any, where: str) -> str:
        if text(value, where) not in choices:
            raise wrong(where, repr(value[:80]), f"write {' or '.join(choices)}")
        return str(value)

    return check


def each(check: Check) -> Check:
    """Return the check for a list of what *check* takes."""
    return lambda value, where: _items(value, where, check, "write a list")


def instance(kind: type) -> Check:
    """Return the check for an object of the class *kind*, whose fields are checked already."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, kind):
            raise wrong(where, kind_of(value), f"write a {kind.__name__}")
        return value

    return check


def optional(check: Check) -> Check:
    """Return the check for None, or what *check* takes."""
    return lambda value, where: None if value is None else check(value, where)


def by_key(check: Check) -> Check:
    """Return the check for a mapping from texts to what *check* takes."""

    def whole(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise wrong(where, kind_of(value), "write a mapping")
        return {text(key, where): check(value[key], f"{where}[{key!r}]") for key in value}

    return whole


def _items(value: Any, where: str, check: Check, right: str) -> tuple[Any, ...]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray, memoryview)):
        raise wrong(where, kind_of(value), right)
    return tuple(check(item, f"{where}[{number}]") for number, item in enumerate(value))


def _seconds(value: Any, where: str, otherwise: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise wrong(where, kind_of(value), f"write a number of seconds; {otherwise}")
    if not 0 <= value <= _LONGEST_SECONDS:  # nor is nan
        right = f"write seconds from 0 to {_LONGEST_SECONDS:.0f} (ten years); {otherwise}"
        # A float knows no number of a thousand digits.
        is_told = isinstance(value, float) or abs(value) < _LARGEST
        raise wrong(where, f"{value:g}" if is_told else "a number beyond that", right)
    return float(value)


class Checked:
    """A dataclass whose fields are checked when it is made."""

    #: By field.
    CHECKS: ClassVar[Mapping[str, Check]] = {}

    def __post_init__(self) -> None:
        """
        Have each field as its check returns it.

        Raises:
            WorkloadInvalid: a field is refused.
        """
        for name, check in self.CHECKS.items():
            object.__setattr__(self, name, check(getattr(self, name), name))
