"""The requests of a verification: most of them are the same each time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yarl

from mcpworkload import __version__
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.media import EVENT_TYPE, JSON_TYPE
from mcpworkload.protocol.versions import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    LATEST_SESSION_VERSION,
    STATELESS_VERSION,
    VERSION_KEY,
)

SESSION: Final = "Mcp-Session-Id"
VERSION: Final = "MCP-Protocol-Version"
METHOD: Final = "Mcp-Method"
#: The id of the first request, which is the handshake's.
FIRST_ID: Final = 1
#: The most that is read of one answer which is no page of a list; instructions may be long.
ANSWER_BYTES: Final = 256 * 1024
#: Of all answers to one verification, heads included, at most so much is read.
BUDGET_BYTES: Final = 1024 * 1024

_CLIENT: Final = {"name": "mcpworkload", "version": __version__}
_META: Final = {VERSION_KEY: STATELESS_VERSION, CAPABILITIES_KEY: {}, CLIENT_KEY: _CLIENT}
POST: Final = {"Accept": f"{JSON_TYPE}, {EVENT_TYPE}", "Content-Type": JSON_TYPE}


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    #: The method of MCP, or what else names it for people.
    what: str
    headers: Mapping[str, str]
    body: bytes | None = None
    #: The id of the request of JSON-RPC in the body; None where there is nothing to wait for.
    request_id: int | None = None
    #: None: the server's own.
    url: yarl.URL | None = None
    #: Whether what lets the operator in is left out: only the server itself may get that.
    is_bare: bool = False
    #: How many bytes of the answer are read.
    limit: int = ANSWER_BYTES


def _modern_headers(method: str) -> dict[str, str]:
    return {**POST, VERSION: STATELESS_VERSION, METHOD: method}


DISCOVER: Final = Request(
    "POST",
    "server/discover",
    _modern_headers("server/discover"),
    jsonrpc.request(FIRST_ID, "server/discover", {"_meta": _META}),
    FIRST_ID,
)
INITIALIZE: Final = Request(
    "POST",
    "initialize",
    POST,
    jsonrpc.request(
        FIRST_ID,
        "initialize",
        {
            "protocolVersion": LATEST_SESSION_VERSION,
            "capabilities": {},
            "clientInfo": _CLIENT,
        },
    ),
    FIRST_ID,
)
_INITIALIZED: Final = jsonrpc.notification("notifications/initialized")
#: A stream is open for as long as the verification lasts.
LISTEN: Final = Request("GET", "", {"Accept": EVENT_TYPE}, limit=BUDGET_BYTES)


def initialized(headers: Mapping[str, str], url: yarl.URL | None) -> Request:
    """Return the notification that a session has begun."""
    return Request("POST", "notifications/initialized", headers, _INITIALIZED, url=url)


def leave(headers: Mapping[str, str], url: yarl.URL | None) -> Request:
    """Return the request that ends a session."""
    return Request("DELETE", "", headers, url=url)


def modern_page(request_id: int, method: str, cursor: str | None) -> Request:
    """Return the request for a page of a list that stands for itself."""
    body = _page(request_id, method, cursor, {"_meta": _META})
    headers = _modern_headers(method)
    return Request("POST", method, headers, body, request_id, limit=BUDGET_BYTES)


def page(
    request_id: int,
    method: str,
    cursor: str | None,
    headers: Mapping[str, str] = POST,
    url: yarl.URL | None = None,
) -> Request:
    """Return the request for a page of a list within a session."""
    body = _page(request_id, method, cursor, {})
    return Request("POST", method, headers, body, request_id, url, limit=BUDGET_BYTES)


def _page(request_id: int, method: str, cursor: str | None, params: dict[str, Any]) -> bytes:
    if cursor is not None:
        params["cursor"] = cursor
    return jsonrpc.request(request_id, method, params)
