"""
The likely cause of a failure, in words that name the field of the spec to change.

Most causes need no request more. The others cost a few, within time and budget of the
verification: the other scheme on the same port, the other transport at the same path, the usual
paths, and the address in place of a name.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Literal

import yarl

from mcpworkload.verification import requests, verdicts
from mcpworkload.verification.answer import Answer
from mcpworkload.verification.failures import Failed, Sign
from mcpworkload.verification.finding import Result
from mcpworkload.verification.handshakes import Legacy
from mcpworkload.verification.line import Line
from mcpworkload.verification.sse import Sse

#: Where servers usually have their endpoint, by transport.
USUAL_PATHS: Final = ("/mcp", "/", "/mcp/", "/api/mcp")
USUAL_SSE_PATHS: Final = ("/sse",)
#: So long one look may take: what answers at all has answered before.
_LOOK_SECONDS: Final = 1.0
#: A path that may be shown: a server chose it.
_PATH: Final = re.compile(r"/[A-Za-z0-9/._~-]{0,127}")
_TLS_WANTED: Final = b"HTTPS"

_NOWHERE: Final = "it is no MCP endpoint: check transport.path, transport.port and transport.type"
_PAGE: Final = (
    "it is a page for people, perhaps the server's own console: check transport.path and "
    "transport.port"
)
_PROXY: Final = (
    "a proxy in the pod answers in place of the server: look at the server behind it, or change "
    "transport.port"
)
_BROKEN: Final = "the server fails at its first request: see its log"
_UNNAMED: Final = "it looks like JSON: let the server send Content-Type: application/json"
_LISTENS: Final = (
    "nothing listens there: let the server listen on 0.0.0.0, not on 127.0.0.1 alone, or change "
    "transport.port"
)
_CREDENTIALS: Final = (
    "to have it verified, name a Secret with the header that lets the operator in at "
    "verification.headersFrom"
)
_OTHER_CREDENTIALS: Final = "the headers of verification.headersFrom do not let the operator in"


async def explained(line: Line, failed: Failed) -> Failed:
    """Return *failed* with the likely cause, where one was found in time."""
    try:
        async with asyncio.timeout_at(line.work_end):
            if failed.sign is Sign.SLOW:
                return await _slow(line, failed)
            cause = await _cause(line, failed)
    except TimeoutError:
        cause = ""
    words = f"{failed.words}; {cause}" if cause else failed.words
    return Failed(failed.result, words, failed.sign, failed.answer)


async def _cause(line: Line, failed: Failed) -> str:
    match failed.result:
        case Result.CONNECTION_REFUSED:
            return _LISTENS
        case Result.AUTH_REQUIRED:
            return _OTHER_CREDENTIALS if line.target.headers else _CREDENTIALS
        case Result.NOT_MCP | Result.PROTOCOL_ERROR:
            pass
        case _:
            return ""
    # The bridge's path, scheme and transport are the operator's choice.
    if line.target.kind == "bridge" or line.budget.left < 0:
        return ""
    answer = failed.answer
    if failed.sign in (Sign.NO_TLS, Sign.CLOSED) or (answer and _TLS_WANTED in answer.body):
        return await _scheme(line)
    if answer is None or failed.result is Result.PROTOCOL_ERROR:
        return ""
    return await _of_answer(line, answer)


async def _of_answer(line: Line, answer: Answer) -> str:
    if verdicts.refuses_host(answer):
        return await _host(line)
    if 300 <= answer.status < 400:
        return _redirect(line, answer)
    if answer.status in verdicts.PROXY_STATUSES:
        return _PROXY
    if answer.status < 300 and not answer.fault and b'"jsonrpc"' in answer.body:
        return _UNNAMED
    if found := await _elsewhere(line):
        return found
    if verdicts.is_page(answer):
        return _PAGE
    return _BROKEN if answer.status >= 500 else _NOWHERE


async def _slow(line: Line, failed: Failed) -> Failed:
    """Return *failed*; with TLS there may have been a connection, on which nothing came."""
    if line.target.scheme != "https":
        return failed
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            _, writer = await asyncio.open_connection(line.target.host, line.target.port)
            writer.close()
    except (OSError, TimeoutError):
        return failed
    words = "was not sent: the server took the connection, and no TLS came; check transport.scheme"
    return Failed(Result.HANDSHAKE_TIMEOUT, words)


async def _scheme(line: Line) -> str:
    """Return whether the server speaks the other scheme."""
    other: Literal["http", "https"] = "http" if line.target.scheme == "https" else "https"
    url = yarl.URL(replace(line.target, scheme=other).url, encoded=True)
    if await _look(line, url, bare=True) is None:
        return ""
    name = "TLS" if other == "https" else "plain HTTP"
    return f"the server speaks {name}: set transport.scheme to {other.upper()}"


async def _host(line: Line) -> str:
    """Return whether the server minds the name that it was addressed by."""
    name = line.target.authority
    if not name:
        return "the server refuses its address as Host: let it accept any, or its own address"
    host = line.url.authority
    answer = await _look(line, line.url, host=host)
    if answer is not None and verdicts.refuses_host(answer):
        return "the server refuses every Host header: check the hosts that it allows"
    return f"the server's Host check refuses {name}: add that name to the hosts that it allows"


def _redirect(line: Line, answer: Answer) -> str:
    """Return where the server points."""
    try:
        there = line.url.join(yarl.URL(answer.headers.get("Location", "")[:1024]))
        is_here = there.origin() == line.url.origin() or (
            there.authority.lower() == line.target.authority.lower()
        )
    except ValueError:
        return "it points nowhere: check transport.path"
    if not is_here:
        return "it points to another host, where nobody was asked: check transport.path"
    if there.path == line.target.path or not _PATH.fullmatch(there.path):
        return "it points to itself: check transport.path"
    return f"set transport.path to {there.path}: the server points there"


async def _elsewhere(line: Line) -> str:
    """Return where on the same port the server answers, and by which transport."""
    is_sse = line.target.kind == "sse"
    for path, by_sse in _places(line.target.path, is_sse=is_sse):
        url = yarl.URL(replace(line.target, path=path).url, encoded=True)
        if not await (_has_stream if by_sse else _has_endpoint)(line, url):
            continue
        fields = [] if path == line.target.path else [f"transport.path to {path}"]
        if by_sse != is_sse:
            fields.append(f"transport.type to {'sse' if by_sse else 'streamable-http'}")
        return f"set {' and '.join(fields)}: the server answers there"
    return ""


def _places(own: str, *, is_sse: bool) -> Iterator[tuple[str, bool]]:
    yield own, not is_sse
    by_transport = [(path, False) for path in USUAL_PATHS if path != own]
    of_streams = [(path, True) for path in USUAL_SSE_PATHS if path != own]
    yield from (of_streams + by_transport if is_sse else by_transport + of_streams)


async def _has_endpoint(line: Line, url: yarl.URL) -> bool:
    """Whether a server of either era answers a POST to *url*."""
    answer = await _look(line, url)
    if answer is None or answer.status in (401, 403, 404, 405) or verdicts.is_page(answer):
        return False
    if answer.message is not None:
        return True
    if not 400 <= answer.status < 500:
        return False
    # It minds something; whether that is MCP, only its own first request shows.
    legacy = Legacy(line, url)
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await legacy.open()
    except (Failed, TimeoutError):
        return False
    finally:
        await legacy.close()
    return True


async def _has_stream(line: Line, url: yarl.URL) -> bool:
    """Whether *url* gives a stream that names an endpoint."""
    stream = Sse(line, url)
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await stream.listen()
    except (Failed, TimeoutError):
        return False
    finally:
        await stream.close()
    return True


async def _look(line: Line, url: yarl.URL, *, host: str = "", bare: bool = False) -> Answer | None:
    """Return the answer to `server/discover`, which opens nothing; None where there is none."""
    request = replace(requests.DISCOVER, url=url, is_bare=bare)
    if host:
        request = replace(request, headers={**request.headers, "Host": host})
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return await line.ask(request)
    except (Failed, TimeoutError):
        return None
