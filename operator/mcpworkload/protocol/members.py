"""
The members of a JSON object, each as the bytes that came, and never more than a number of them.

A body of 32 MB can hold six million members: a dictionary of them would take half a gigabyte.
"""

import msgspec

from mcpworkload.protocol import spelling

Raw = msgspec.Raw
Members = dict[str, Raw]

#: Objects of this size cannot have more members than any limit here, at five bytes each.
SMALL_BYTES = 16 * 1024
MAX_MEMBERS = 4096
#: No known member has a name of this length.
MAX_NAME_CHARACTERS = 1024


class Refused(Exception):
    """An object has too many members, or a wrong name among them; the message names it."""


class _Name(str):
    """A member's name, counted."""

    __slots__ = ()


class _Bounded:
    """Decodes objects, and stops at the first member beyond the limit."""

    def __init__(self) -> None:
        self._left = 0
        #: How many names of what was decoded last had occurred before.
        self.doubles = 0
        self._decoder = msgspec.json.Decoder(dict[_Name, Raw], dec_hook=self._count)

    def decode(self, data: bytes | Raw, limit: int) -> Members:
        self._left = limit
        found = self._decoder.decode(data)
        self.doubles = limit - self._left - len(found)
        return {str(name): part for name, part in found.items()}

    def _count(self, of: type, name: str) -> object:
        self._left -= 1
        if self._left < 0:
            raise Refused("too many members")
        return of(name)


_plain = msgspec.json.Decoder(Members)
_bounded = _Bounded()


def size(part: bytes | Raw) -> int:
    """Return how many bytes *part* has."""
    return memoryview(part).nbytes


def read(data: bytes | Raw, limit: int = MAX_MEMBERS) -> Members:
    """
    Return the members of the object *data*; of two with one name the last.

    Raises:
        Refused: there are more than *limit*.
        msgspec.DecodeError, RecursionError: it is no object, or no JSON.
    """
    found = _plain.decode(data) if size(data) <= SMALL_BYTES else _bounded.decode(data, limit)
    if len(found) > limit:
        raise Refused("too many members")
    return found


def read_once(data: bytes | Raw) -> Members:
    """
    Return the members of the object *data*.

    Raises:
        Refused: as `read`; or two have one name, of which readers take the first or the last.
        msgspec.DecodeError, RecursionError: as `read`.
    """
    try:
        found = _bounded.decode(data, MAX_MEMBERS)
    except Refused:
        raise Refused(f"has more than {MAX_MEMBERS} members") from None
    if _bounded.doubles:
        raise Refused("has a member twice")
    return found


def read_from_client(data: Raw, known: spelling.Known, where: str) -> Members:
    """
    Return the members of the object *data*, which a client wrote.

    Raises:
        Refused: as `read`; or a member is almost one of *known*. The message names it.
        msgspec.DecodeError, RecursionError: as `read`.
    """
    try:
        found = read(data)
    except Refused:
        raise Refused(f"{where} has more than {MAX_MEMBERS} members") from None
    for name in found:
        if name in known.exact:
            continue
        if len(name) > MAX_NAME_CHARACTERS:
            raise Refused(f"{where} has a member whose name is {len(name)} characters long")
        if (meant := known.meant_by(name)) is not None:
            raise Refused(f"{where} has a member {shown(name)}; write {meant!r}, or another name")
    return found


def shown(name: str) -> str:
    """Return *name* as a message may repeat it."""
    return repr(name if len(name) <= 60 else f"{name[:60]}...")
