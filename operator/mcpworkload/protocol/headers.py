"""The checks of the HTTP headers of a request, and the decoding of their values."""

import base64
import binascii
import re
from collections.abc import Collection

from mcpworkload.protocol.http.request import Headers, Request
from mcpworkload.protocol.media import EVENT_TYPE, JSON_TYPE
from mcpworkload.protocol.origins import Hosts

#: A client's own text is cut to so many characters in an answer.
SHOWN_CHARACTERS = 200
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
#: A header value that cannot stand as it is comes in base64 between these.
_CODED_BEGIN, _CODED_END = "=?base64?", "?="


def host_refusal(request: Request, hosts: Hosts) -> tuple[int, str] | None:
    """Return why a request is refused for the name that it was sent to, or the page it is from."""
    named = [value for name, value in request.headers if name == b"host"]
    if len(named) != 1:
        return 400, f"{len(named)} Host headers; send one"
    host = named[0].decode("latin-1")
    if not hosts.serves(host):
        return 421, f"{_cut(host)!r} is none of the names served here; see transport.allowedHosts"
    origins = [value.decode("latin-1") for name, value in request.headers if name == b"origin"]
    for origin in origins:
        if not hosts.admits(origin, host):
            return 403, _page_refusal(_cut(origin))
    return None


def _page_refusal(origin: str) -> str:
    said = f"pages of {origin!r} are not served"
    if not _ORIGIN.fullmatch(origin):
        # "null" is the origin of every page that has none.
        return f"{said}: transport.allowedOrigins takes http://HOST[:PORT] and https://HOST[:PORT]"
    return f"{said}; to serve them, write transport: {{allowedOrigins: [{origin!r}]}}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def page_headers(request: Request, methods: Collection[str]) -> Headers:
    """
    Return what lets a page of another origin read the answer to *request*, which it may send.

    Nothing where no page sent it; browsers ask for it by OPTIONS first.
    """
    origin = request.header(b"origin")
    if origin is None:
        return []
    found = [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
    if request.method != "OPTIONS":
        return [*found, (b"access-control-expose-headers", b"mcp-session-id")]
    asked = request.header(b"access-control-request-headers") or b""
    return [
        *found,
        (b"access-control-allow-methods", ", ".join(methods).encode()),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", b"600"),
    ]


def media_refusal(
    request: Request, *, needs_json: bool, needs_events: bool
) -> tuple[int, str] | None:
    """Return why the client cannot send or get what the transport is made of."""
    if request.method == "POST":
        sent = (request.header(b"content-type") or b"").partition(b";")[0].strip().lower()
        if sent != JSON_TYPE.encode():
            found = _cut(sent.decode("latin-1"))
            return 415, f"the Content-Type is {found!r}; send {JSON_TYPE}"
    accepted = request.header(b"accept")
    if accepted is None:
        return None
    kinds = {
        part.partition(";")[0].strip() for part in accepted.decode("latin-1").lower().split(",")
    }
    for kind, is_needed in ((JSON_TYPE, needs_json), (EVENT_TYPE, needs_events)):
        wide = kind.partition("/")[0] + "/*"
        if is_needed and not kinds & {kind, wide, "*/*"}:
            return 406, f"the Accept header lacks {kind}"
    return None


def decoded(value: str) -> str | None:
    """Return the text in a header value of MCP's; None where its base64 is none."""
    if not (value.startswith(_CODED_BEGIN) and value.endswith(_CODED_END)):
        return value
    coded = value[len(_CODED_BEGIN) : -len(_CODED_END)].encode()
    try:
        text = base64.b64decode(coded, validate=True)
        # Several ways to write one value would let two readers see two.
        return text.decode() if base64.b64encode(text) == coded else None
    except (binascii.Error, UnicodeDecodeError):
        return None
