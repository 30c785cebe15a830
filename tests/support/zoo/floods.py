"""Servers that send more than anybody should read."""

import gzip
import zlib
from collections.abc import Mapping
from itertools import count

from mcpworkload.protocol.versions import STATELESS_VERSION
from tests.support.zoo.cage import Animal, Handler, Request, Visit, make_head, over_http
from tests.support.zoo.tame import (
    INFO,
    SSE,
    answering,
    but,
    encode,
    greet,
    legacy,
    make_discovery,
    make_event,
    make_result,
    modern,
)

_GIGABYTE = 1024**3
_MEGABYTE = 1024**2
_JSON = {"Content-Type": "application/json"}
_CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
_BRACKETS = 100_000


def _endlessly(headers: Mapping[str, str], piece: bytes, first: bytes = b"") -> Handler:
    """Send a head, then *piece* again and again."""

    async def handle(visit: Visit, _: Request) -> None:
        await visit.write(make_head(200, headers) + first)
        while True:
            await visit.write(piece)

    return handle


async def _other_events(visit: Visit, _: Request) -> None:
    await visit.begin_events()
    for number in count(1_000_000):
        await visit.write(make_event(make_result(number, text="x" * 1000)))


async def _notify(visit: Visit, _: Request) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 1000}}
    await visit.begin_events()
    while True:
        await visit.write(make_event(note))


async def _informational(visit: Visit) -> None:
    await visit.read()
    while True:
        await visit.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" * 100)


async def _many_headers(visit: Visit) -> None:
    request = await visit.read()
    await visit.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(10_000):
        await visit.write(f"X-Header-{number}: {'x' * 90}\r\n".encode())
    body = encode(make_result(request.id, **make_discovery()))
    await visit.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


async def _long_header(visit: Visit, request: Request) -> None:
    body = encode(make_result(request.id, **make_discovery()))
    await visit.answer(body=body, headers={"X-Long": "x" * _MEGABYTE})


async def _long_session(visit: Visit, request: Request) -> None:
    body = encode(make_result(request.id))
    await visit.answer(body=body, headers={"Mcp-Session-Id": "s" * _MEGABYTE})


async def _long_name(visit: Visit, request: Request) -> None:
    info = {**INFO, "name": "\x1b[31mn\x00\n\u202e" * _MEGABYTE}
    body = encode(make_result(request.id, **make_discovery(serverInfo=info)))
    await visit.answer(body=body)


async def _odd_name(visit: Visit, request: Request) -> None:
    info = {**INFO, "name": "\x1b[31mn\x00\n\u202e" * 500, "version": "\x07" * 500}
    await greet(visit, request, serverInfo=info, instructions="i" * 20_000)


async def _many_words(visit: Visit, request: Request) -> None:
    versions = [STATELESS_VERSION, *(f"{number}" * 5 for number in range(2000))]
    found = make_discovery(
        supportedVersions=versions, capabilities={f"c{number}" * 10: {} for number in range(1000)}
    )
    await visit.answer(body=encode(make_result(request.id, **found)))


def _bomb() -> bytes:
    """100 MB of spaces, in a tenth of a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(b" " * _MEGABYTE) for _ in range(100))
    return packed + packer.flush()


def _packed(encoding: str, body: bytes) -> Handler:
    return answering(body=body, headers={"Content-Encoding": encoding})


_GREETING = encode(make_result(1, **make_discovery()))
_LENGTH = {"Content-Length": str(_GIGABYTE)}
_CHUNKED = {"Transfer-Encoding": "chunked"}
_EVENTS = {"Content-Type": "text/event-stream"}

ANIMALS = (
    Animal(
        "gigabyte",
        "announces a body of 1 GB, and sends it",
        over_http(_endlessly({**_JSON, **_LENGTH}, b" " * 65536)),
    ),
    Animal(
        "endless-body",
        "sends a body without a length or an end",
        over_http(_endlessly({**_JSON, "Connection": "close"}, b" " * 65536)),
    ),
    Animal(
        "endless-chunks",
        "sends chunks without an end",
        over_http(_endlessly({**_JSON, **_CHUNKED}, _CHUNK)),
    ),
    Animal(
        "endless-comments",
        "answers with comments on an event stream, for ever",
        over_http(_endlessly(_EVENTS, b": still here\r\n\r\n" * 100)),
    ),
    Animal(
        "endless-line",
        "answers with one line on an event stream, for ever",
        over_http(_endlessly(_EVENTS, b"x" * 65536, b"data: ")),
    ),
    Animal("other-ids", "answers requests that nobody made, for ever", over_http(_other_events)),
    Animal("notifies", "sends notifications instead of an answer", over_http(_notify)),
    Animal(
        "sse-comments",
        "sends comments instead of the endpoint, for ever",
        over_http(_endlessly(_EVENTS, b": still here\r\n\r\n" * 100)),
        SSE,
    ),
    Animal("gzip-bomb", "answers with 100 MB in gzip", over_http(_packed("gzip", _bomb()))),
    Animal("gzip", "answers in gzip", over_http(_packed("gzip", gzip.compress(_GREETING)))),
    Animal(
        "deflate", "answers in deflate", over_http(_packed("deflate", zlib.compress(_GREETING)))
    ),
    Animal("brotli", "says that it answers in br", over_http(_packed("br", b"\x0b\x02\x80{}\x03"))),
    Animal("informational", "answers 103 for ever", _informational),
    Animal("many-headers", "sends 10,000 headers", _many_headers),
    Animal("long-header", "sends a header of 1 MB", over_http(_long_header)),
    Animal(
        "long-session-id",
        "names its session in 1 MB",
        over_http(but(legacy, {"initialize": _long_session})),
    ),
    Animal(
        "long-name",
        "names itself in 10 MB",
        over_http(but(modern, {"server/discover": _long_name})),
    ),
    Animal(
        "odd-name",
        "names itself in control characters",
        over_http(but(legacy, {"initialize": _odd_name})),
    ),
    Animal(
        "many-words",
        "names 2,000 versions and 1,000 capabilities",
        over_http(but(modern, {"server/discover": _many_words})),
    ),
    Animal(
        "nested",
        "nests its answer 100,000 times",
        over_http(answering(body=b"[" * _BRACKETS + b"]" * _BRACKETS)),
    ),
    Animal(
        "nested-member",
        "nests a member of its answer 100,000 times",
        over_http(
            answering(
                body=b'{"jsonrpc":"2.0","id":1,"result":'
                + b'{"a":' * _BRACKETS
                + b"1"
                + b"}" * _BRACKETS
                + b"}"
            )
        ),
    ),
)
