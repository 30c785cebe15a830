"""
One HTTP exchange with a server that may do anything: bounded in bytes and time, and closed after.

Each exchange has its own connection. Kept alive, a connection could be closed by the server just
when the next request is written, and a sound server would have failed. No redirect is followed,
nothing is decompressed, and a body is neither logged nor kept.
"""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Mapping
from typing import Final

import aiohttp
import yarl

from mcpworkload import __version__
from mcpworkload.protocol.jsonrpc import NotJsonRpc
from mcpworkload.protocol.media import EVENT_TYPE, JSON_TYPE
from mcpworkload.verification.answer import LOOK_BYTES, Answer, response_in
from mcpworkload.verification.connector import BudgetConnector, Meter
from mcpworkload.verification.events import Event, EventParser, TooManyLines
from mcpworkload.verification.failures import Failed, OverBudget, Sign
from mcpworkload.verification.finding import Result
from mcpworkload.verification.requests import Request
from mcpworkload.verification.words import cut

#: What is no answer of MCP is read for so long, to find out what it is.
LOOK_SECONDS: Final = 1.0
MAX_LINE_BYTES: Final = 8 * 1024
MAX_HEADERS: Final = 64
_READ_BYTES: Final = 16 * 1024
_TYPE_CHARACTERS: Final = 40
_HEADERS: Final = {
    "User-Agent": f"mcpworkload/{__version__}",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
#: The last two: the session was closed meanwhile, or the library met what it did not expect.
_FAILURES: Final = (aiohttp.ClientError, OSError, ValueError, RuntimeError, AssertionError)
_NO_WAY: Final = frozenset(
    (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL)
)


def open_session() -> aiohttp.ClientSession:
    """Return the session that all verifications share; close it when there will be no more."""
    return aiohttp.ClientSession(
        connector=BudgetConnector(),
        headers=_HEADERS,
        skip_auto_headers=("Content-Type",),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        read_bufsize=_READ_BYTES,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        max_headers=MAX_HEADERS,
    )


@contextlib.asynccontextmanager
async def opened(
    session: aiohttp.ClientSession,
    request: Request,
    url: yarl.URL,
    headers: Mapping[str, str],
    timeouts: aiohttp.ClientTimeout,
    meter: Meter,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """
    Send *request* to *url*, and give the head of the answer; the connection is closed in the end.

    Raises:
        Failed: there is no answer, or not a whole one.
    """
    response = None
    try:
        with meter.counting():
            response = await session.request(
                request.method,
                url,
                data=request.body,
                headers=headers,
                allow_redirects=False,
                timeout=timeouts,
            )
        yield response
    except _FAILURES as error:
        raise failure(error, meter) from None
    finally:
        if response is not None:
            response.close()


async def read_answer(
    response: aiohttp.ClientResponse, request_id: int | None, meter: Meter
) -> Answer:
    """
    Return the answer to the request *request_id* whose head is *response*.

    Raises:
        OverBudget: it is longer than *meter* allows.
        Failed: it has more lines than any stream of use.
        aiohttp.ClientError: it ended early.
    """
    content_type = cut(response.headers.get("Content-Type", ""), 200).partition(";")[0]
    answer = Answer(
        response.status, response.headers, cut(content_type.strip().lower(), _TYPE_CHARACTERS)
    )
    if _is_encoded(response):
        answer.fault = "compressed although nobody asked for that"
        return answer
    if answer.status >= 300:
        await _look(response, answer)
    elif request_id is None:
        pass  # whatever else a server has to say to a notification is not read
    elif answer.content_type == JSON_TYPE:
        answer.understand(await response.content.read(), request_id)
    elif answer.content_type == EVENT_TYPE:
        await _await_event(response, answer, request_id)
    else:
        await _look(response, answer)
    if answer.message is None and meter.is_over:
        raise too_much()
    return answer


async def read_whole(response: aiohttp.ClientResponse, meter: Meter) -> bytes:
    """
    Return the body, for the caller of `opened`.

    Raises:
        OverBudget: it is longer than *meter* allows.
    """
    body = await response.content.read()
    if meter.is_over:
        raise too_much()
    return body


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """
    Give the events of a stream as they come.

    Raises:
        Failed: it has more lines than any stream of use.
    """
    parser = EventParser()
    while piece := await response.content.readany():
        try:
            found = parser.feed(piece)
        except TooManyLines:
            words = "was answered with a stream of lines without the response"
            raise Failed(Result.PROTOCOL_ERROR, words) from None
        for event in found:
            yield event


async def _await_event(response: aiohttp.ClientResponse, answer: Answer, request_id: int) -> None:
    async for event in events(response):
        try:
            answer.message = response_in(event.data, request_id)
        except NotJsonRpc:
            continue
        if answer.message is not None:
            return
    answer.fault = "events without the response"


async def _look(response: aiohttp.ClientResponse, answer: Answer) -> None:
    """Read the beginning of what is no result; an error of JSON-RPC may be in it."""
    body = b""
    with contextlib.suppress(TimeoutError, aiohttp.ClientPayloadError):
        async with asyncio.timeout(LOOK_SECONDS):
            while len(body) < LOOK_BYTES and (piece := await response.content.readany()):
                body += piece
    answer.look(body)


def _is_encoded(response: aiohttp.ClientResponse) -> bool:
    return response.headers.get("Content-Encoding", "identity").strip().lower() != "identity"


def too_much() -> OverBudget:
    """Return the error about an answer that is not read to its end."""
    return OverBudget(Result.NOT_MCP, "was answered with more than is read of an answer of MCP")


def failure(error: Exception, meter: Meter) -> Failed:
    """Return what *error* means."""
    if meter.is_over:
        return too_much()
    match error:
        case aiohttp.ClientConnectorSSLError() | aiohttp.ClientConnectorCertificateError():
            return Failed(Result.NOT_MCP, "was answered without TLS", Sign.NO_TLS)
        case aiohttp.ClientConnectorError():
            return _not_connected(error.os_error)
        case aiohttp.ConnectionTimeoutError():
            return Failed(
                Result.UNREACHABLE, "was not sent: there was no connection in time", Sign.SLOW
            )
        case aiohttp.ClientResponseError():
            return Failed(Result.NOT_MCP, "was answered with what is no sound HTTP", Sign.CLOSED)
        case RuntimeError() | AssertionError():
            return Failed(Result.UNREACHABLE, "was not sent: this verification was given up")
        case aiohttp.InvalidURL() | ValueError():
            return Failed(Result.NOT_MCP, "cannot be sent: a header or the path is no such")
    return Failed(Result.NOT_MCP, "was answered by closing the connection", Sign.CLOSED)


def _not_connected(error: OSError) -> Failed:
    if isinstance(error, ConnectionRefusedError):
        return Failed(Result.CONNECTION_REFUSED, "was not sent: the connection was refused")
    if error.errno in _NO_WAY:
        return Failed(Result.UNREACHABLE, "was not sent: there is no way to the address")
    if isinstance(error, ConnectionError):
        return Failed(Result.NOT_MCP, "was answered by closing the connection", Sign.CLOSED)
    return Failed(Result.UNREACHABLE, "was not sent: the connection failed")
