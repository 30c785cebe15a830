"""
A server's answer to `initialize`, and the field of the spec that explains a wrong one.

The client speaks plain HTTP or TLS through a port-forward. It does not check the server's
certificate: the API server identifies the pod, and the certificate is for another name.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

SECONDS: Final = 10.0
_ACCEPT: Final = "application/json, text/event-stream"
_VERSION: Final = "2025-06-18"
_MOST_BYTES: Final = 65_536
_SESSION: Final = "Mcp-Session-Id"
# Where servers usually have their endpoint.
_USUAL_PATHS: Final = ("/mcp", "/", "/sse", "/mcp/", "/api/mcp")
_GREETING: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": _VERSION,
        "capabilities": {},
        "clientInfo": {"name": "mcpworkload", "version": "1"},
    },
}


@dataclass(frozen=True)
class Endpoint:
    """The endpoint at which clients reach the server, as the spec has it."""

    scheme: str
    path: str
    speaks_sse: bool

    @property
    def is_tls(self) -> bool:
        """Whether the spec has the server speak TLS."""
        return self.scheme == "https"


@dataclass(frozen=True)
class _Answer:
    """The server's answer: `kind` is mcp, events, guarded, http or nothing."""

    kind: str
    words: str


def endpoint_of(url: str, transport: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint of a workload, from its status and its spec."""
    parts = urlsplit(url)
    scheme = parts.scheme or str(transport.get("scheme", "HTTP")).lower()
    speaks_sse = is_sse(transport)
    path = parts.path or transport.get("path") or ("/sse" if speaks_sse else "/mcp")
    return Endpoint(scheme, path, speaks_sse)


def is_sse(transport: Mapping[str, Any]) -> bool:
    """Return whether the URL is that of the older HTTP+SSE."""
    served = (transport.get("stdio") or {}).get("serve")
    return bool(transport["type"] == "sse" or served == ["sse"])


def unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate."""
    # Not the default context: to load what this machine trusts takes long, and is of no use here.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def complaint(port: int, endpoint: Endpoint, url: str) -> str:
    """
    Return why the server on *port* of this machine cannot be used; empty where it can.

    *url* is the one in the status; the text names the field of the spec to change, and its value.
    """
    here = await _ask(port, endpoint.scheme, endpoint.path, sse=endpoint.speaks_sse)
    wanted = "events" if endpoint.speaks_sse else "mcp"
    if here.kind in (wanted, "guarded"):
        return ""
    answered = f"{url} answered {here.words}"
    other = "http" if endpoint.is_tls else "https"
    across = await _ask(port, other, endpoint.path, sse=endpoint.speaks_sse)
    if across.kind in ("mcp", "events", "http"):
        name = "TLS" if other == "https" else "plain HTTP"
        return f"{answered}; the server speaks {name}: set transport.scheme to {other.upper()}"
    return f"{answered}; {await _elsewhere(port, endpoint)}"


async def _elsewhere(port: int, endpoint: Endpoint) -> str:
    """Return where on the same port the server answers, or which fields to check."""
    paths = dict.fromkeys((endpoint.path, *_USUAL_PATHS))
    for path in paths:
        for sse in (endpoint.speaks_sse, not endpoint.speaks_sse):
            if (await _ask(port, endpoint.scheme, path, sse=sse)).kind not in ("mcp", "events"):
                continue
            fields = [] if path == endpoint.path else [f"transport.path to {path}"]
            if sse != endpoint.speaks_sse:
                fields.append(f"transport.type to {'sse' if sse else 'streamable-http'}")
            return f"set {' and '.join(fields)}: the server answers there"
    return "it is no MCP endpoint: check transport.path, transport.port and transport.type"


async def _ask(port: int, scheme: str, path: str, *, sse: bool) -> "_Answer":
    url = f"{scheme}://127.0.0.1:{port}{path}"
    try:
        async with asyncio.timeout(SECONDS), _client() as client:
            return await (_listen if sse else _greet)(client, url)
    except TimeoutError:
        return _Answer("nothing", f"nothing within {SECONDS:g} s")
    except (aiohttp.ClientConnectorSSLError, ssl.SSLError):
        return _Answer("nothing", "without TLS")
    except (aiohttp.ClientError, OSError):
        return _Answer("nothing", "nothing, and closed the connection")


@asynccontextmanager
async def _client() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=unverified(), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as client:
        yield client


async def _greet(client: aiohttp.ClientSession, url: str) -> _Answer:
    """Return the server's answer to `initialize`; ends a session that was opened by it."""
    headers = {"Accept": _ACCEPT, "MCP-Protocol-Version": _VERSION}
    async with client.post(url, json=_GREETING, headers=headers) as response:
        if response.status not in (200, 400):
            return await _http(response, "POST")
        content = await _first_message(response)
        if session := response.headers.get(_SESSION):
            async with client.delete(url, headers={**headers, _SESSION: session}):
                pass
    line = _parsed(content)
    if isinstance(line, dict) and line.get("jsonrpc") == "2.0":
        # An error in this form is an answer, too: the server has another version of MCP.
        return _Answer("mcp", "as it should")
    if b"HTTPS" in content:
        # So servers answer plain HTTP on a port for TLS.
        return _Answer("nothing", "400, because it speaks TLS")
    return _Answer("http", f"{response.status} to initialize, and no message of MCP")


async def _first_message(response: aiohttp.ClientResponse) -> bytes:
    """Return the first message of an answer, be it an event or the whole of it."""
    is_events = response.content_type == "text/event-stream"
    content = b""
    while len(content) < _MOST_BYTES and (piece := await response.content.readany()):
        content += piece
        if not is_events:
            continue
        for line in content.splitlines(keepends=True):
            if line.startswith(b"data:") and line.endswith(b"\n") and line[5:].strip():
                return line[5:]
    return content


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


async def _listen(client: aiohttp.ClientSession, url: str) -> _Answer:
    """Return whether a GET gets the events of the older HTTP+SSE; the first names the endpoint."""
    async with client.get(url, headers={"Accept": "text/event-stream"}) as response:
        if response.status != 200:
            return await _http(response, "GET")
        if response.content_type != "text/event-stream":
            return _Answer("http", f"200 to GET, with {response.content_type}")
        content = b""
        while piece := await response.content.readany():
            content += piece
            if b"\n" in content:
                break
    if b"event: endpoint" in content or b"event:endpoint" in content:
        return _Answer("events", "as it should")
    return _Answer("http", "200 to GET, with events that name no endpoint")


async def _http(response: aiohttp.ClientResponse, method: str) -> _Answer:
    words = f"{response.status} {response.reason or ''}".rstrip() + f" to {method}"
    text = (await response.content.read(_MOST_BYTES)).decode(errors="replace")
    if response.status == 400 and "HTTPS" in text:
        return _Answer("nothing", "400, because it speaks TLS")
    return _Answer("guarded" if response.status in (401, 403) else "http", words)
