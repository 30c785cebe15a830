"""Servers that do not speak HTTP, or speak it brokenly."""

from mcpworkload.verification.target import Target
from tests.support.zoo.cage import Animal, Meet, Visit, make_head, over_http
from tests.support.zoo.tame import SSE, answering, legacy, modern

_JSON = {"Content-Type": "application/json"}
_OVER_TLS = Target("", 0, scheme="https")


def _saying(data: bytes, *, is_first: bool = False) -> Meet:
    """Send *data* to everybody, before anything is asked or after, and close."""

    async def meet(visit: Visit) -> None:
        if not is_first:
            await visit.read()
        await visit.write(data)

    return meet


async def _refuse_tls(visit: Visit) -> None:
    """Answer the first bytes of TLS as HTTP servers answer what is no request."""
    await visit.read_some()
    await visit.answer(400, "Invalid HTTP request received.", "text/plain")


def _broken_chunks(chunks: bytes) -> Meet:
    return _saying(make_head(200, {**_JSON, "Transfer-Encoding": "chunked"}) + chunks)


_SETTINGS = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"
_TWO_LENGTHS = make_head(200, {**_JSON, "Content-Length": "2", "content-length": "20"}) + b"{}"

ANIMALS = (
    Animal(
        "tls-on-port", "speaks TLS where plain HTTP is asked for", over_http(modern), has_tls=True
    ),
    Animal(
        "tls",
        "behaves, over TLS with a certificate that nobody signed",
        over_http(modern),
        _OVER_TLS,
        has_tls=True,
    ),
    Animal("plain-on-tls", "speaks plain HTTP where TLS is asked for", _refuse_tls, _OVER_TLS),
    Animal(
        "mute-on-tls",
        "waits for the end of a request where TLS is asked for",
        over_http(modern),
        _OVER_TLS,
    ),
    Animal(
        "client-certificate",
        "wants a certificate of its clients",
        over_http(legacy),
        _OVER_TLS,
        has_tls=True,
        wants_certificate=True,
    ),
    Animal("ssh", "greets as SSH does", _saying(b"SSH-2.0-OpenSSH_9.6\r\n", is_first=True)),
    Animal("redis", "answers as Redis does", _saying(b"-ERR wrong number of arguments\r\n")),
    Animal("http-0.9", "answers without a head", _saying(b"<html>hello</html>")),
    Animal("http-2", "speaks HTTP/2 alone", _saying(_SETTINGS, is_first=True)),
    Animal("zeros", "answers with NUL bytes", _saying(b"\0" * 1000)),
    Animal(
        "status-of-words",
        "answers with a status that is no number",
        _saying(b"HTTP/1.1 OK 200\r\n\r\n"),
    ),
    Animal(
        "chunk-of-words",
        "announces a chunk with no number",
        _broken_chunks(b"zz\r\n{}\r\n0\r\n\r\n"),
    ),
    Animal(
        "short-chunk",
        "sends less than the chunk that it announces",
        _broken_chunks(b"ff\r\n{}\r\n"),
    ),
    Animal("two-lengths", "announces two lengths", _saying(_TWO_LENGTHS)),
    Animal(
        "negative-length",
        "announces a length below zero",
        _saying(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
    ),
    Animal(
        "not-utf-8",
        "answers with bytes that are no UTF-8",
        over_http(answering(body=b'{"jsonrpc":"2.0","id":1,"result":"\xff\xfe"}')),
    ),
    Animal(
        "nul-in-json",
        "answers with NUL bytes in its JSON",
        over_http(answering(body=b'{"jsonrpc":"2.0",\0\0\0"id":1}')),
    ),
    Animal(
        "half-json",
        "answers with half a JSON text",
        over_http(answering(body=b'{"jsonrpc":"2.0","id":1,"res')),
    ),
    Animal(
        "sse-ssh",
        "greets as SSH does, where HTTP+SSE is asked for",
        _saying(b"SSH-2.0-OpenSSH_9.6\r\n", is_first=True),
        SSE,
    ),
)
