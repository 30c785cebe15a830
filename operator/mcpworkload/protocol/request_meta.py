"""The metadata of a request since 2026-07-28: in its `_meta`, and repeated in its HTTP headers."""

from collections.abc import Collection

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.headers import decoded
from mcpworkload.protocol.http.request import Request
from mcpworkload.protocol.jsonrpc import Kind
from mcpworkload.protocol.sent import Sent
from mcpworkload.protocol.versions import (
    CAPABILITIES_KEY,
    SESSION_VERSIONS,
    STATELESS_VERSION,
    VERSION_KEY,
)

SESSION_HEADER = b"mcp-session-id"
VERSION_HEADER = b"mcp-protocol-version"
METHOD_HEADER = b"mcp-method"
NAME_HEADER = b"mcp-name"
_STATELESS = STATELESS_VERSION.encode()
#: Which parameter the Mcp-Name header repeats.
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


class Refusal(Exception):
    """A request contradicts itself, or asks for what is not served."""

    def __init__(self, code: int, reason: str, data: object = None) -> None:
        super().__init__(reason)
        self.code, self.data = code, data


def is_stateless(request: Request, sent: Sent) -> bool:
    """
    Whether *sent* speaks for itself, rather than in a session.

    That follows from the version, in the head or the body: only such messages name it in the body.
    Headers that repeat other parts of the body prove nothing: clients of sessions send them too.
    """
    version = request.header(VERSION_HEADER)
    speaks_for_itself = sent.kind is Kind.REQUEST and VERSION_KEY in sent.meta
    if sent.method == "initialize" and not speaks_for_itself and version == _STATELESS:
        return False  # a client that found no other way, and left its header as it was
    if request.header(SESSION_HEADER) is not None:
        return speaks_for_itself and version is not None and not _has_sessions(version)
    if version is None:
        return speaks_for_itself
    return not _has_sessions(version)


def session_version_refusal(request: Request) -> str | None:
    """Return why *request* cannot be one of a session, whose revision it names."""
    version = request.header(VERSION_HEADER)
    if version is None or _has_sessions(version):
        return None
    served = ", ".join(SESSION_VERSIONS)
    shown = version[:60].decode("latin-1")
    return f"MCP-Protocol-Version {shown!r} is not served in a session; send one of {served}"


def _has_sessions(version: bytes) -> bool:
    return version.decode("latin-1") in SESSION_VERSIONS


def check_envelope(request: Request, sent: Sent, versions: Collection[str]) -> None:
    """
    Return if what *sent* declares is complete, the same in head and body, and served.

    Raises:
        Refusal: something is missing, twice there, different in head and body, or not served.
    """
    for name in (VERSION_HEADER, METHOD_HEADER, NAME_HEADER):
        if sum(key == name for key, _ in request.headers) > 1:
            text = f"the header {name.decode()} is there more than once"
            raise Refusal(jsonrpc.HEADER_MISMATCH, text)
    params, meta = sent.params, sent.meta
    if missing := [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in meta]:
        text = f"params._meta lacks {' and '.join(missing)}"
        raise Refusal(jsonrpc.INVALID_PARAMS, text)
    method = sent.method
    _compare(request, VERSION_HEADER, meta[VERSION_KEY], f"params._meta[{VERSION_KEY!r}]")
    _compare(request, METHOD_HEADER, jsonrpc.raw(method), "method")
    if (named := NAMED_BY.get(method)) is not None and named in params:
        _compare(request, NAME_HEADER, params[named], f"params.{named}")
    check_version(request, versions)
    if method == "initialize":
        # Over pipes this is a question of eras; here it is a method that does not exist.
        raise Refusal(jsonrpc.METHOD_NOT_FOUND, "there are no sessions in this revision")


def check_version(request: Request, versions: Collection[str]) -> None:
    """
    Return if the version in the head is served.

    Raises:
        Refusal: names those that are.
    """
    version = (request.header(VERSION_HEADER) or b"")[:60].decode("latin-1")
    if version not in versions:
        data = {"supported": sorted(versions), "requested": version}
        text = f"protocol version {version!r} is not served"
        raise Refusal(jsonrpc.UNSUPPORTED_PROTOCOL_VERSION, text, data)


def _compare(request: Request, name: bytes, part: jsonrpc.Raw, where: str) -> None:
    said = request.header(name)
    if said is None:
        raise Refusal(jsonrpc.HEADER_MISMATCH, f"the header {name.decode()} is missing")
    text = said.decode("latin-1").strip(" \t")
    # Only names can be such that a header does not hold them.
    if (decoded(text) if name == NAME_HEADER else text) != jsonrpc.text(part):
        reason = f"the header {name.decode()} differs from {where} in the body"
        raise Refusal(jsonrpc.HEADER_MISMATCH, reason)
