"""
JSON-RPC messages, opened no further than their envelope.

A message is a dictionary of the envelope's members, each as the bytes that came: numbers, key
order, unknown members and everything deeper go through as they are.
"""

import re
from enum import Enum, auto
from typing import Any

import msgspec

Raw = msgspec.Raw
Message = dict[str, Raw]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021
UNSUPPORTED_PROTOCOL_VERSION = -32022
#: The server is gone, or the session.
CONNECTION_CLOSED = -32000
REQUEST_TIMEOUT = -32001
REQUEST_CANCELLED = -32800

_VERSION = Raw(b'"2.0"')
_NULL = Raw(b"null")

#: An escape in a string; half a surrogate pair, where its other half is missing.
_ESCAPE = re.compile(
    rb"\\(?:(u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    rb"|(u[dD][c-fC-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_REPLACEMENT = rb"\ufffd"

_members = msgspec.json.Decoder(Message)
_text = msgspec.json.Decoder(str)
_identifier: msgspec.json.Decoder[str | int] = msgspec.json.Decoder(str | int)
_encode = msgspec.json.Encoder().encode


class Kind(Enum):
    """What a message is, told by which members it has."""

    REQUEST = auto()
    NOTIFICATION = auto()
    RESPONSE = auto()


class NotJsonRpc(ValueError):
    """Some bytes are no single JSON-RPC 2.0 message; the message says what they are instead."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def decode(data: bytes) -> Message:
    """
    Return the members of the one message in *data*.

    Raises:
        NotJsonRpc: it is no JSON, no object, or no message of JSON-RPC 2.0.
    """
    try:
        if not data.isascii():
            data.decode()  # inside of what is not opened, nobody else looks
        message = _whole(data)
    except msgspec.ValidationError:
        what = "a batch" if data.lstrip()[:1] == b"[" else "no object"
        raise NotJsonRpc(INVALID_REQUEST, f"this is {what}; send one message") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJsonRpc(PARSE_ERROR, f"this is not JSON in UTF-8: {error}") from None
    if message.get("jsonrpc") != _VERSION:
        raise NotJsonRpc(INVALID_REQUEST, 'the message lacks "jsonrpc": "2.0"')
    return message


def _whole(data: bytes) -> Message:
    try:
        return _members.decode(data)
    except msgspec.DecodeError:
        # JavaScript writes half a surrogate pair as it is, which no UTF-8 can hold.
        mended = _ESCAPE.sub(_mend, data)
        if mended == data:
            raise
        return _members.decode(mended)


def _mend(escape: re.Match[bytes]) -> bytes:
    high, low, lone = escape.groups()
    is_half = lone is not None or (high is not None and low is None)
    return _REPLACEMENT if is_half else escape[0]


def kind(message: Message) -> Kind:
    """
    Return what *message* is.

    Raises:
        NotJsonRpc: it is none of the three, or its id or method is not of the right type.
    """
    if "id" in message:
        identifier(message["id"])
    if "method" in message:
        method(message)
        return Kind.REQUEST if "id" in message else Kind.NOTIFICATION
    if "id" in message and ("result" in message) != ("error" in message):
        return Kind.RESPONSE
    raise NotJsonRpc(INVALID_REQUEST, "the message has neither a method nor one result or error")


def method(message: Message) -> str:
    """
    Return the method of a request or notification.

    Raises:
        NotJsonRpc: it has none that is a string.
    """
    try:
        return _text.decode(message["method"])
    except (KeyError, msgspec.DecodeError):
        raise NotJsonRpc(INVALID_REQUEST, "the message's method is no string") from None


def identifier(raw: Raw) -> str | int:
    """
    Return an id as what it means, so that two ways to write it are equal.

    Raises:
        NotJsonRpc: it is neither a string nor a whole number.
    """
    try:
        return _identifier.decode(raw)
    except msgspec.DecodeError:
        raise NotJsonRpc(INVALID_REQUEST, "the id is neither a string nor a whole number") from None


def members(raw: Raw | None) -> Message:
    """Return the members of an object; none for what is missing or no object."""
    if raw is None:
        return {}
    try:
        return _members.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return {}


def value(raw: Raw | None) -> Any:
    """Return what *raw* means, opened all the way; None where it is missing."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def text(raw: Raw | None) -> str | None:
    """Return the string that *raw* is; None for anything else."""
    found = value(raw)
    return found if isinstance(found, str) else None


def raw(what: object) -> Raw:
    """Return *what* as it is written in JSON."""
    return Raw(_encode(what))


def own(part: Raw) -> Raw:
    """Return a copy of *part* that does not keep the message alive in which it came."""
    return Raw(bytes(part))


def encode(message: Message) -> bytes:
    """Return *message* as one line: newlines between its parts become spaces."""
    line = _encode(message)
    if b"\n" in line:
        line = line.replace(b"\n", b" ")
    if b"\r" in line:
        line = line.replace(b"\r", b" ")
    return line


def request(number: int | str, name: str, params: object) -> bytes:
    """Return a request of our own."""
    return _encode({"jsonrpc": "2.0", "id": number, "method": name, "params": params})


def notification(name: str, params: object = None) -> bytes:
    """Return a notification of our own."""
    if params is None:
        return _encode({"jsonrpc": "2.0", "method": name})
    return _encode({"jsonrpc": "2.0", "method": name, "params": params})


def result(number: Raw, outcome: object) -> bytes:
    """Return the response to the request *number*."""
    return _encode({"jsonrpc": _VERSION, "id": number, "result": outcome})


def error(number: Raw | None, code: int, message: str, data: object = None) -> bytes:
    """Return the error that answers the request *number*, or one whose id is not known."""
    body: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    return _encode({"jsonrpc": _VERSION, "id": number or _NULL, "error": body})
