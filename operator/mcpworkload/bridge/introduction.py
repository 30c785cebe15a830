"""What a server says of itself in a DiscoverResult or InitializeResult, as far as it is kept."""

from typing import TypeVar

import msgspec

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Raw
from mcpworkload.protocol.members import size
from mcpworkload.protocol.versions import SERVER_KEY

T = TypeVar("T")

#: A result that takes no more is kept as it came.
KEPT_BYTES = 64 * 1024
#: Of a larger one, the members that are needed, each where it takes no more than this.
MEMBER_BYTES = 8 * 1024
#: Of a name, title or version in it.
WORD_BYTES = 1024
MAX_CAPABILITIES = 64

_EMPTY = Raw(b"{}")


class _Meta(msgspec.Struct, rename={"server": SERVER_KEY}):
    server: Raw | msgspec.UnsetType = msgspec.UNSET


class _Introduction(msgspec.Struct, rename={"meta": "_meta"}):
    protocolVersion: Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - as the protocol has it
    supportedVersions: Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815
    capabilities: Raw | msgspec.UnsetType = msgspec.UNSET
    serverInfo: Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815
    instructions: Raw | msgspec.UnsetType = msgspec.UNSET
    meta: Raw | msgspec.UnsetType = msgspec.UNSET


class _Server(msgspec.Struct):
    name: Raw | msgspec.UnsetType = msgspec.UNSET
    title: Raw | msgspec.UnsetType = msgspec.UNSET
    version: Raw | msgspec.UnsetType = msgspec.UNSET


class _Capabilities(msgspec.Struct):
    """The capabilities that come with a list."""

    tools: Raw | msgspec.UnsetType = msgspec.UNSET
    prompts: Raw | msgspec.UnsetType = msgspec.UNSET
    resources: Raw | msgspec.UnsetType = msgspec.UNSET


def bounded(result: Raw) -> Raw:
    """Return *result* as it came, or what is needed of it where it takes over 64 KiB."""
    if size(result) <= KEPT_BYTES:
        return jsonrpc.own(result)
    found = _read(result, _Introduction)
    if isinstance(found.capabilities, Raw) and size(found.capabilities) > MEMBER_BYTES:
        names = [name for name in jsonrpc.members(found.capabilities) if len(name) <= WORD_BYTES]
        found.capabilities = jsonrpc.raw(dict.fromkeys(names[:MAX_CAPABILITIES], _EMPTY))
    if isinstance(found.serverInfo, Raw):
        found.serverInfo = _named(found.serverInfo)
    if isinstance(found.meta, Raw):
        meta = _read(found.meta, _Meta)
        if isinstance(meta.server, Raw):
            meta.server = _named(meta.server)
        found.meta = jsonrpc.raw(meta)
    for member in ("protocolVersion", "supportedVersions", "instructions"):
        if size(getattr(found, member) or b"") > MEMBER_BYTES:
            setattr(found, member, msgspec.UNSET)
    return jsonrpc.raw(found)


def lists(result: Raw | None) -> tuple[str, ...]:
    """Return which lists a server has by its *result*: tools, prompts, resources."""
    capabilities = _read(result, _Introduction).capabilities
    if not isinstance(capabilities, Raw):
        return ()
    found = _read(capabilities, _Capabilities)
    nothing = (msgspec.UNSET, Raw(b"null"), Raw(b"false"))
    return tuple(
        name for name in ("tools", "prompts", "resources") if getattr(found, name) not in nothing
    )


def _named(server: Raw) -> Raw:
    """Return *server* as it came, or its names where it is long."""
    if size(server) <= MEMBER_BYTES:
        return server
    found = _read(server, _Server)
    for member in ("name", "title", "version"):
        part = getattr(found, member)
        if isinstance(part, Raw) and size(part) > WORD_BYTES:
            setattr(found, member, msgspec.UNSET)
    return jsonrpc.raw(found)


def _read(part: Raw | None, of: type[T]) -> T:
    """Return what *of* names in *part*; nothing where that is no object."""
    try:
        return of() if part is None else msgspec.json.decode(part, type=of)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return of()
