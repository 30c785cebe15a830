"""Sends messages to a client: a single one as JSON, several as a stream of events."""

from collections.abc import Callable

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.http.request import (
    EVENT_STREAM,
    JSON,
    NO_STORE,
    RETRY_LATER,
    Headers,
    Request,
)
from mcpworkload.protocol.mailbox import Mailbox

#: A silent stream gets a comment so often, or a proxy takes it for dead. An answer that takes
#: longer than this becomes a stream for the same reason.
KEEP_ALIVE_SECONDS = 15.0
RETRY_AFTER: Headers = [RETRY_LATER]
_COMMENT = b": still here\n\n"


def event(frame: bytes) -> bytes:
    """Return a message as a server-sent event. A carriage return would end its line there."""
    if b"\r" in frame:
        frame = frame.replace(b"\r", b" ")
    return b"event: message\ndata: " + frame + b"\n\n"


async def answer(
    request: Request, mail: Mailbox, headers: Callable[[], Headers], status: Callable[[], int]
) -> None:
    """
    Answer *request* with what comes into *mail*, to the end.

    A single message is sent as JSON with *status*; *headers* are added either way. Both are
    asked for when the first message is there.
    """
    frame, is_last = await mail.get(KEEP_ALIVE_SECONDS)
    if frame is not None and is_last:
        request.respond(status(), [JSON, NO_STORE, *headers()], frame)
        return
    if mail.is_closed:
        return  # the client is gone
    request.stream([*EVENT_STREAM, *headers()])
    if not is_last:
        await request.send(_COMMENT if frame is None else event(frame))
    await pour(request, mail)


async def pour(request: Request, mail: Mailbox) -> None:
    """Send what comes into *mail* over the stream of *request*, until either ends."""
    while not request.is_lost:
        frame, is_last = await mail.get(KEEP_ALIVE_SECONDS)
        if frame is not None:
            await request.send(event(frame))
        elif not is_last:
            await request.send(_COMMENT)
        if is_last:
            break
    # One that was closed lacks its end, which its client shall see.
    if not mail.is_closed:
        request.end()


def refuse(
    request: Request,
    status: int,
    code: int,
    text: str,
    *,
    request_id: jsonrpc.Raw | None = None,
    data: object = None,
    headers: Headers | None = None,
) -> None:
    """Answer *request* with an error of this process."""
    body = jsonrpc.error(request_id, code, text, data)
    request.respond(status, [JSON, NO_STORE, *(headers or [])], body)


def refuse_for_now(request: Request, text: str, request_id: jsonrpc.Raw | None = None) -> None:
    """Answer *request* with 503: the client may send it again later."""
    code = jsonrpc.INTERNAL_ERROR
    refuse(request, 503, code, text, request_id=request_id, headers=RETRY_AFTER)
