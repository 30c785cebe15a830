"""A server's own words about itself, from the result of its handshake: read, cut and bounded."""

from collections.abc import Iterable
from typing import Any

import msgspec

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, Raw
from mcpworkload.protocol.versions import STATELESS_VERSION
from mcpworkload.verification.finding import Era, Server
from mcpworkload.verification.words import cut, is_version

NAME_CHARACTERS = TITLE_CHARACTERS = 128
VERSION_CHARACTERS = 64
MAX_CAPABILITIES, CAPABILITY_CHARACTERS = 16, 64
MAX_VERSIONS, PROTOCOL_CHARACTERS = 16, 32
#: Under this key of `_meta` a modern server names itself.
SERVER_KEY = "io.modelcontextprotocol/serverInfo"

_text = msgspec.json.Decoder(str)


def modern_server(result: Message) -> Server:
    """Return who answered `server/discover` with *result*."""
    versions = supported(result.get("supportedVersions"))
    info = jsonrpc.members(result.get("_meta")).get(SERVER_KEY, result.get("serverInfo"))
    version = STATELESS_VERSION if STATELESS_VERSION in versions else ""
    return _server("modern", version, result, info, versions)


def legacy_server(result: Message) -> Server:
    """Return who answered `initialize` with *result*; without a version if that has no shape."""
    version = jsonrpc.text(result.get("protocolVersion")) or ""
    version = version if is_version(version) else ""
    return _server("legacy", version, result, result.get("serverInfo"), ())


def _server(
    era: Era, version: str, result: Message, info: Raw | None, versions: tuple[str, ...]
) -> Server:
    of_server = jsonrpc.members(info)
    capabilities = jsonrpc.members(result.get("capabilities"))
    return Server(
        era=era,
        protocol_version=version,
        supported_versions=versions,
        name=_cut(of_server.get("name"), NAME_CHARACTERS),
        title=_cut(of_server.get("title"), TITLE_CHARACTERS),
        version=_cut(of_server.get("version"), VERSION_CHARACTERS),
        instructions_length=_length(result.get("instructions")),
        capabilities=tuple(
            cut(name, CAPABILITY_CHARACTERS)
            for name in sorted(name for name, what in capabilities.items() if _is_object(what))[
                :MAX_CAPABILITIES
            ]
        ),
    )


def offers(result: Message, capability: str) -> bool:
    """Whether *result* of a handshake declares *capability*."""
    return _is_object(jsonrpc.members(result.get("capabilities")).get(capability))


def supported(part: Raw | None) -> tuple[str, ...]:
    """Return the versions that *part* lists, an array: the newest, sorted, dates behind others."""
    found: Any = jsonrpc.value(part)
    if not isinstance(found, list):
        return ()
    shown = {cut(each, PROTOCOL_CHARACTERS) for each in found if isinstance(each, str) and each}
    return tuple(sorted(shown, key=lambda each: (is_version(each), each)))[-MAX_VERSIONS:]


def has_modern(versions: Iterable[str]) -> bool:
    """Whether one of *versions* is such that each request stands for itself."""
    return any(is_version(each) and each >= STATELESS_VERSION for each in versions)


def _is_object(part: Raw | None) -> bool:
    return part is not None and bytes(part).lstrip()[:1] == b"{"


def _cut(part: Raw | None, limit: int) -> str:
    return cut(jsonrpc.text(part) or "", limit)


def _length(part: Raw | None) -> int:
    if part is None:
        return 0
    try:
        return len(_text.decode(part))
    except msgspec.DecodeError:
        return 0
