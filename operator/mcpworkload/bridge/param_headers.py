"""
Headers that repeat arguments of a tool: its schema names them, with ``x-mcp-header``.

A proxy may decide by such a header, so the bridge refuses a request whose body differs from it.
The server cannot: over pipes it never gets the headers.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import msgspec

from mcpworkload.bridge.channel import ChannelClosed
from mcpworkload.bridge.peer import Peer
from mcpworkload.bridge.request_table import Busy
from mcpworkload.bridge.translation import Translated
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.headers import decoded
from mcpworkload.protocol.http.request import Request
from mcpworkload.protocol.jsonrpc import Raw
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.members import Refused, read_once, shown, size
from mcpworkload.protocol.request_meta import Refusal
from mcpworkload.protocol.sent import Sent
from mcpworkload.protocol.sent import request as own_request
from mcpworkload.protocol.versions import CAPABILITIES_KEY, STATELESS_VERSION, VERSION_KEY

log = logging.getLogger(__name__)

ANNOTATION = "x-mcp-header"
PREFIX = "mcp-param-"
LIST_SECONDS = 10.0
MAX_PAGES = 100
#: Annotations are not read in a list that takes more than this.
MAX_PAGE_BYTES = 4 * 1024 * 1024
#: An argument that is longer is equal to no header.
MAX_ARGUMENT_BYTES = 512 * 1024
#: A list is good for so long, and not asked for again before the second time.
KEEP_SECONDS = 300.0
AGAIN_SECONDS = 5.0

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_DECIMAL = re.compile(r"-?[0-9]+(\.0+)?")
_TYPES = ("string", "integer", "boolean")


@dataclass(frozen=True)
class Repeated:
    """One argument that a header repeats: where it is, which header, of what type."""

    path: tuple[str, ...]
    header: str
    type: str


class _Tool(msgspec.Struct):
    name: str
    inputSchema: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815 - as the protocol writes it


class _Page(msgspec.Struct):
    tools: list[_Tool]
    nextCursor: str | None = None  # noqa: N815


_pages = msgspec.json.Decoder(_Page)
_scalar: msgspec.json.Decoder[str | int | float | bool | None] = msgspec.json.Decoder(
    str | int | float | bool | None
)


class ParamHeaders:
    """Checks the headers that a server's tools name against the arguments they repeat."""

    def __init__(self) -> None:
        self._tools: dict[str, tuple[Repeated, ...]] = {}
        self._listed_at = -KEEP_SECONDS
        self._lock = asyncio.Lock()

    async def check(self, request: Request, sent: Sent, peer: Peer | Translated) -> None:
        """
        Return if head and body agree, as far as the tool's schema asks for it.

        Raises:
            Refusal: names the header and the argument.
        """
        if sent.method != "tools/call":
            return
        name = jsonrpc.text(sent.params.get("name"))
        if name is None:
            return
        await self._refresh(peer, KEEP_SECONDS if name in self._tools else AGAIN_SECONDS)
        if not self._tools.get(name):
            return
        arguments = sent.params.get("arguments")
        if _difference(self._tools[name], arguments, request) is None:
            return
        # The list of tools may be old.
        await self._refresh(peer, AGAIN_SECONDS)
        reason = _difference(self._tools.get(name, ()), arguments, request)
        if reason is not None:
            raise Refusal(jsonrpc.HEADER_MISMATCH, reason)

    async def _refresh(self, peer: Peer | Translated, after: float) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._listed_at < after:
            return
        async with self._lock:
            if loop.time() - self._listed_at < after:
                return
            self._tools = {tool: repeated async for tool, repeated in _list_tools(peer)}
            self._listed_at = loop.time()


async def _list_tools(peer: Peer | Translated) -> AsyncIterator[tuple[str, tuple[Repeated, ...]]]:
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        meta = {VERSION_KEY: STATELESS_VERSION, CAPABILITIES_KEY: {}}
        params = {"_meta": meta} if cursor is None else {"_meta": meta, "cursor": cursor}
        mail = Mailbox()
        try:
            pending = await peer.call(own_request("tools/list", params), mail, LIST_SECONDS)
        except (ChannelClosed, Busy):
            return
        frame, _ = await mail.get(LIST_SECONDS)
        peer.let_go(pending)
        page = _page(frame) if frame else None
        if page is None:
            return
        for tool in page.tools:
            yield tool.name, repeated_arguments(_schema(tool))
        cursor = page.nextCursor
        if cursor is None:
            return


def _page(frame: bytes) -> _Page | None:
    if len(frame) > MAX_PAGE_BYTES:
        log.warning(
            "the server's tools take %d bytes; which headers they name is not looked at", len(frame)
        )
        return None
    result = jsonrpc.decode(frame).get("result")
    try:
        return None if result is None else _pages.decode(result)
    except (msgspec.DecodeError, RecursionError):
        return None


def _schema(tool: _Tool) -> object:
    """Return the schema of *tool*, opened only where it may name a header."""
    schema = bytes(tool.inputSchema)
    if ANNOTATION.encode() not in schema and b"\\u" not in schema:
        return None
    try:
        return msgspec.json.decode(schema)
    except (msgspec.DecodeError, RecursionError):
        return None


def repeated_arguments(schema: object) -> tuple[Repeated, ...]:
    """
    Return what *schema* annotates; nothing where any annotation is not as it has to be.

    Clients drop a tool with a bad annotation, so no header repeats its arguments.
    """
    found = tuple(_annotated(schema, ()))
    headers = {one.header for one in found}
    if len(found) != _count(schema) or len(headers) != len(found):
        return ()
    if not all(one.type in _TYPES and _TOKEN.fullmatch(one.header) for one in found):
        return ()
    return found


def _annotated(schema: object, path: tuple[str, ...]) -> Iterator[Repeated]:
    if not isinstance(schema, dict):
        return
    header = schema.get(ANNOTATION)
    if path and isinstance(header, str):
        yield Repeated(path, header.lower(), str(schema.get("type")))
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for name, part in properties.items():
            yield from _annotated(part, (*path, name))


def _count(part: object) -> int:
    if isinstance(part, dict):
        return (ANNOTATION in part) + sum(_count(inner) for inner in part.values())
    return sum(map(_count, part)) if isinstance(part, list) else 0


def _difference(
    repeated: tuple[Repeated, ...], arguments: Raw | None, request: Request
) -> str | None:
    for one in repeated:
        name = (PREFIX + one.header).encode()
        said = [v.decode("latin-1").strip() for key, v in request.headers if key == name]
        where = ".".join(one.path)
        try:
            argument = _rendered(_at(arguments, one.path, repeated))
        except Refused as error:
            return f"the header {name.decode()} repeats the argument {where!r}, but {error}"
        if len(said) > 1:
            return f"the header {name.decode()} is there more than once"
        if not said and argument is not None:
            return f"the header {name.decode()} is missing, and the argument {where!r} is not"
        if said and argument is None:
            return f"the header {name.decode()} is there, and the argument {where!r} is not"
        if said and argument is not None and not _are_equal(one.type, argument, decoded(said[0])):
            return f"the header {name.decode()} differs from the argument {where!r}"
    return None


def _at(arguments: Raw | None, path: tuple[str, ...], repeated: tuple[Repeated, ...]) -> Raw | None:
    """
    Return the argument at *path*, None where there is none.

    Raises:
        Refused: another reader could find another one; the message goes on from "but".
    """
    for depth, name in enumerate(path):
        if arguments is None:
            return None
        where = ".".join(("arguments", *path[:depth]))
        try:
            found = read_once(arguments)
        except Refused as error:
            raise Refused(f"{where} {error}") from None
        except (msgspec.DecodeError, RecursionError):
            return None
        known = {
            one.path[depth]
            for one in repeated
            if one.path[:depth] == path[:depth] and len(one.path) > depth
        }
        for other in found:
            if other not in known and _loosely(other) == _loosely(name):
                raise Refused(f"{where} has a member {shown(other)}; write {name!r}")
        arguments = found.get(name)
    return arguments


def _loosely(name: str) -> str:
    """Return *name* as readers compare it that do not look at case, or end it at a NUL."""
    return name.partition("\0")[0].casefold()


def _rendered(argument: Raw | None) -> str | None:
    """Return a string, number or boolean as a header has it; None for all else."""
    if argument is None:
        return None
    if size(argument) > MAX_ARGUMENT_BYTES:
        return ""
    try:
        found = _scalar.decode(argument)
    except (msgspec.DecodeError, RecursionError):
        return None
    if isinstance(found, bool):
        return "true" if found else "false"
    return None if found is None else str(found)


def _are_equal(kind: str, argument: str, said: str | None) -> bool:
    if said is None:
        return False
    if kind == "integer" and _DECIMAL.fullmatch(said) and _DECIMAL.fullmatch(argument):
        # 42 and 42.0 are the same number; a float could not tell large ones apart.
        return said.partition(".")[0] == argument.partition(".")[0]
    return said == argument
