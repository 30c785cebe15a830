"""
The digest of a list of tools, and what differs between two lists.

The digest is the SHA-256 of canonical JSON: an array of the tools, sorted by name, each with those
of its members annotations, description, inputSchema, name and outputSchema that are there and not
null; keys are sorted, there are no spaces, and the text is UTF-8.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from mcpworkload.protocol.opening import at_once, decoding
from mcpworkload.verification.finding import ToolList
from mcpworkload.verification.words import cut

NAME_CHARACTERS = 128
#: Of more tools the names are not kept; count and digest are of all.
MAX_NAMES = 4096
_SHORT_BYTES = 8
_encode = msgspec.json.Encoder(order="deterministic").encode


class _Tool(msgspec.Struct, omit_defaults=True):
    """What a digest is made of. The members stand in the order in which they are written."""

    annotations: Any = None
    description: Any = None
    inputSchema: Any = None  # noqa: N815 - as the protocol writes it
    name: Any = None
    outputSchema: Any = None  # noqa: N815


#: The members that a digest is made of.
MEMBERS = _Tool.__struct_fields__


class Written(NamedTuple):
    """A tool, as it goes into the digest."""

    name: str
    canonical: bytes


_page = msgspec.json.Decoder(list[_Tool])


@dataclass(frozen=True, slots=True)
class ToolChange:
    """What differs between two lists of tools, by name, sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.changed)


def read_tools(page: msgspec.Raw | bytes) -> list[Written]:
    """
    Return the tools in *page*, a JSON array of them.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no array of objects, or a
            schema is nested too deeply.
    """
    return [_write(tool) for tool in at_once(decoding(bytes(page), _page.decode))]


def digest_tools(tools: Iterable[Written | Mapping[str, Any]]) -> ToolList:
    """
    Return the digest of *tools*, whatever their order.

    Raises:
        RecursionError: a schema is nested too deeply.
    """
    written = sorted(_written(tool) for tool in tools)
    whole = b"[" + b",".join(each.canonical for each in written) + b"]"
    return ToolList(
        count=len(written),
        digest=f"sha256:{hashlib.sha256(whole).hexdigest()}",
        tools=_short(written),
    )


def unfinished(tools: Sequence[Written]) -> ToolList:
    """Return what is known of a list of which *tools* are only the beginning: it has no digest."""
    return ToolList(count=len(tools), digest="", tools=_short(tools))


def compare(before: ToolList, after: ToolList) -> ToolChange:
    """Return what differs in *after* from *before*."""
    old, new = before.tools, after.tools
    return ToolChange(
        added=tuple(sorted(name for name in new if name not in old)),
        removed=tuple(sorted(name for name in old if name not in new)),
        changed=tuple(sorted(name for name in new if name in old and new[name] != old[name])),
    )


def _written(tool: Written | Mapping[str, Any]) -> Written:
    if isinstance(tool, Written):
        return tool
    return _write(msgspec.convert(dict(tool), _Tool))


def _write(tool: _Tool) -> Written:
    return Written(tool.name if isinstance(tool.name, str) else "", _encode(tool))


def _short(tools: Iterable[Written]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for tool in islice(tools, MAX_NAMES):
        name = cut(tool.name, NAME_CHARACTERS)
        found[name] = hashlib.sha256(tool.canonical).digest()[:_SHORT_BYTES]
    return found
