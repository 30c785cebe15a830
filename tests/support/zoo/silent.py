"""Servers that answer too late, too little, or not at all."""

from tests.support.zoo.cage import Animal, Left, Meet, Request, Visit, make_head, over_http
from tests.support.zoo.tame import (
    SESSION,
    SSE,
    OldTransport,
    but,
    encode,
    legacy,
    make_discovery,
    make_greeting,
    make_result,
    modern,
)

JSON = "application/json"
#: Longer than any probe waits.
_LATE_SECONDS = 12.0


async def _never_answer(visit: Visit) -> None:
    await visit.until_left()


async def _close_at_once(_: Visit) -> None:
    pass


async def _reset_at_once(visit: Visit) -> None:
    visit.reset()


async def _close_after_request(visit: Visit) -> None:
    await visit.read()


def _send_a_part(part: bytes, *, is_closed: bool) -> Meet:
    """Begin an answer of a hundred bytes, and send no more than *part* of its body."""

    async def meet(visit: Visit) -> None:
        await visit.read()
        await visit.write(make_head(200, {"Content-Type": JSON, "Content-Length": "100"}) + part)
        if not is_closed:
            await visit.until_left()

    return meet


async def _byte_a_second(visit: Visit, request: Request) -> None:
    visit.cage.end_session(request.headers.get(SESSION, ""))
    session = {"Mcp-Session-Id": visit.cage.open_session()} if request.asks == "initialize" else {}
    body = encode(make_result(request.id, **make_discovery()))
    head = {"Content-Type": JSON, "Content-Length": str(len(body)), **session}
    await visit.write(make_head(200, head))
    for byte in body:
        await visit.write(bytes((byte,)))
        await visit.pause(1)


async def _byte_a_second_from_the_start(visit: Visit) -> None:
    await visit.read()
    for byte in make_head(200, {"Content-Type": JSON, "Content-Length": "100"}):
        await visit.write(bytes((byte,)))
        await visit.pause(1)


async def _late(visit: Visit, request: Request) -> None:
    await visit.pause(_LATE_SECONDS)
    await modern(visit, request)


async def _open_and_hang(visit: Visit, request: Request) -> None:
    head = {"Content-Type": JSON, "Content-Length": "500"}
    await visit.write(make_head(200, {**head, "Mcp-Session-Id": visit.cage.open_session()}))
    await visit.write(encode(make_result(request.id, **make_greeting(request)))[:20])
    await visit.until_left()


async def _close(_: Visit, __: Request) -> None:
    raise Left


async def _hang(visit: Visit, _: Request) -> None:
    await visit.until_left()


async def _end_and_hang(visit: Visit, request: Request) -> None:
    visit.cage.end_session(request.headers.get(SESSION, ""))
    await visit.until_left()


async def _wait_a_second(visit: Visit, request: Request) -> None:
    await visit.pause(1)
    await _open_and_hang(visit, request)


ANIMALS = (
    Animal("gone", "listens no more", _close_at_once, is_gone=True),
    Animal("full", "lets its kernel accept no connection", _close_at_once, is_full=True),
    Animal("mute", "accepts, and never answers", _never_answer),
    Animal("closes-at-once", "closes each connection at once", _close_at_once),
    Animal("resets-at-once", "resets each connection at once", _reset_at_once),
    Animal("closes-after-request", "reads the request, and closes", _close_after_request),
    Animal("closes-after-head", "closes after the head", _send_a_part(b"", is_closed=True)),
    Animal("truncated", "closes within the body", _send_a_part(b'{"jsonrpc"', is_closed=True)),
    Animal("hangs-after-head", "sends a head and no body", _send_a_part(b"", is_closed=False)),
    Animal("hangs-in-body", "stops within the body", _send_a_part(b'{"json', is_closed=False)),
    Animal("byte-a-second", "sends a body, a byte a second", over_http(_byte_a_second)),
    Animal("head-a-second", "sends a head, a byte a second", _byte_a_second_from_the_start),
    Animal("late", "answers after the deadline", over_http(_late)),
    Animal(
        "closes-on-discover",
        "closes the connection on server/discover",
        over_http(but(legacy, {"server/discover": _close})),
    ),
    Animal(
        "session-and-hang",
        "opens a session, and does not end the answer",
        over_http(but(legacy, {"initialize": _open_and_hang})),
    ),
    Animal(
        "late-session-and-hang",
        "opens a session after a second, and does not end the answer",
        over_http(but(legacy, {"initialize": _wait_a_second})),
    ),
    Animal(
        "delete-hangs",
        "does not answer the request that ends its session",
        over_http(but(legacy, {"DELETE": _end_and_hang})),
    ),
    Animal(
        "tools-hang",
        "does not answer tools/list",
        over_http(but(legacy, {"tools/list": _hang})),
    ),
    Animal(
        "notification-hangs",
        "does not answer notifications/initialized",
        over_http(but(legacy, {"notifications/initialized": _hang})),
    ),
    Animal(
        "sse-silent",
        "names an endpoint, and sends nothing on its stream",
        over_http(OldTransport(is_silent=True)),
        SSE,
    ),
)
