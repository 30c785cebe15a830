"""
JSON-RPC messages, opened no further than their envelope.

A message is a dictionary of the envelope's members, each as the bytes that came: numbers, key
order and everything deeper go through as they are. What an envelope has besides is not passed on:
a lenient reader might take it for what is.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

import msgspec

from mcpworkload.protocol.members import Refused, read, size
from mcpworkload.protocol.opening import Steps, at_once, decoding

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

#: Longer ones are refused: they are kept for as long as a request takes.
MAX_ID_BYTES = 1024
MAX_METHOD_BYTES = 1024
#: What is opened all the way is at most this long.
MAX_VALUE_BYTES = 64 * 1024
#: A decoder's message, which may quote the input, is cut to so many characters.
_WORDS_CHARACTERS = 100


class _Envelope(msgspec.Struct):
    """The members that are known; all others are passed over, however many there are."""

    jsonrpc: Raw | msgspec.UnsetType = msgspec.UNSET
    id: Raw | msgspec.UnsetType = msgspec.UNSET
    method: Raw | msgspec.UnsetType = msgspec.UNSET
    params: Raw | msgspec.UnsetType = msgspec.UNSET
    result: Raw | msgspec.UnsetType = msgspec.UNSET
    error: Raw | msgspec.UnsetType = msgspec.UNSET


_envelope = msgspec.json.Decoder(_Envelope)
_text = msgspec.json.Decoder(str)
_number = msgspec.json.Decoder(int)
_identifier: msgspec.json.Decoder[str | int] = msgspec.json.Decoder(str | int)
_encode = msgspec.json.Encoder().encode
_ARRAY = re.compile(rb"\s*\[")


class Kind(Enum):
    """The kind of a message, which follows from its members."""

    REQUEST = auto()
    NOTIFICATION = auto()
    RESPONSE = auto()


class NotJsonRpc(ValueError):
    """
    Some bytes are no single JSON-RPC 2.0 message; the reason names what they are instead.

    *request_id* is the id of a request that is refused, where it is known.
    """

    def __init__(self, code: int, reason: str, request_id: Raw | None = None) -> None:
        super().__init__(reason)
        self.code, self.request_id = code, request_id


def decode(data: bytes) -> Message:
    """Return the members of the one message in *data*, as `decoding_message` does, at once."""
    return at_once(decoding_message(data))


def decoding_message(data: bytes) -> Steps[Message]:
    """
    Return the members of the one message in *data*, in steps; members that are not known are lost.

    Raises:
        NotJsonRpc: it is no JSON, no object, or no message of JSON-RPC 2.0.
    """
    return (yield from opening(data, _known_members))


def opening(data: bytes, decode: Callable[[bytes], Message]) -> Steps[Message]:
    """
    Return the members that *decode* finds of the one message in *data*, in steps.

    Raises:
        NotJsonRpc: as `decoding_message`.
    """
    try:
        message = yield from decoding(data, decode)
    except msgspec.ValidationError:
        what = "a batch" if _ARRAY.match(data) else "no object"
        raise NotJsonRpc(INVALID_REQUEST, f"this is {what}; send one message") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        words = str(error)[:_WORDS_CHARACTERS]
        raise NotJsonRpc(PARSE_ERROR, f"this is not JSON in UTF-8: {words}") from None
    if message.get("jsonrpc") != _VERSION:
        raise NotJsonRpc(INVALID_REQUEST, 'the message lacks "jsonrpc": "2.0"')
    return message


def _known_members(data: bytes) -> Message:
    found = _envelope.decode(data)
    message: Message = {}
    for name in ("jsonrpc", "id", "method", "params", "result", "error"):
        part = getattr(found, name)
        if part is not msgspec.UNSET:
            message[name] = part
    return message


def kind(message: Message) -> Kind:
    """
    Return what *message* is.

    Raises:
        NotJsonRpc: it is none of the three, or its id or method is not of the right type.
    """
    for one, other in (("error", "result"), ("result", "error")):
        if message.get(one) == _NULL and other in message:
            del message[one]  # some libraries write every member that there is
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
        NotJsonRpc: it has none that is a string, of characters that can be seen.
    """
    part = message.get("method")
    if part is not None and size(part) > MAX_METHOD_BYTES:
        reason = f"the message's method is longer than {MAX_METHOD_BYTES} bytes"
        raise NotJsonRpc(INVALID_REQUEST, reason)
    name = text(part)
    # A reader that ends a string at a NUL would see another method.
    if name is None or not name.isprintable():
        raise NotJsonRpc(INVALID_REQUEST, "the message's method is no string that can be shown")
    return name


def identifier(raw: Raw) -> str | int:
    """
    Return an id as what it means, so that two ways to write it are equal.

    Raises:
        NotJsonRpc: it is neither a string nor a whole number, or longer than 1 KiB.
    """
    if size(raw) > MAX_ID_BYTES:
        raise NotJsonRpc(INVALID_REQUEST, f"the id is longer than {MAX_ID_BYTES} bytes")
    try:
        return _identifier.decode(raw)
    except msgspec.DecodeError:
        raise NotJsonRpc(INVALID_REQUEST, "the id is neither a string nor a whole number") from None


def members(raw: Raw | None) -> Message:
    """Return the members of an object; none for what is missing, too large or no object."""
    if raw is None:
        return {}
    try:
        return read(raw)
    except (msgspec.DecodeError, RecursionError, Refused):
        return {}


def value(raw: Raw | None) -> Any:
    """Return what *raw* means, opened all the way; None where it is missing or over 64 KiB."""
    if raw is None or size(raw) > MAX_VALUE_BYTES:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def text(raw: Raw | None) -> str | None:
    """Return the string that *raw* is; None for anything else, and for more than 64 KiB."""
    if raw is None or size(raw) > MAX_VALUE_BYTES:
        return None
    try:
        return _text.decode(raw)
    except msgspec.DecodeError:
        return None


def whole_number(raw: Raw | None) -> int | None:
    """Return the whole number that *raw* is; None for anything else."""
    if raw is None or size(raw) > MAX_ID_BYTES:
        return None
    try:
        return _number.decode(raw)
    except msgspec.DecodeError:
        return None


def raw(what: object) -> Raw:
    """Return *what* as it is written in JSON."""
    return Raw(_encode(what))


def own(part: Raw) -> Raw:
    """Return a copy of *part* that does not keep the message alive in which it came."""
    return Raw(bytes(part))


def encode(message: Mapping[str, object]) -> bytes:
    """Return *message* as one line: newlines between its parts become spaces."""
    line = _encode(message)
    if b"\n" in line:
        line = line.replace(b"\n", b" ")
    if b"\r" in line:
        line = line.replace(b"\r", b" ")
    return line


def request(request_id: int | str, name: str, params: object) -> bytes:
    """Return a request of this process."""
    return _encode({"jsonrpc": "2.0", "id": request_id, "method": name, "params": params})


def notification(name: str, params: object = None) -> bytes:
    """Return a notification of this process."""
    if params is None:
        return _encode({"jsonrpc": "2.0", "method": name})
    return _encode({"jsonrpc": "2.0", "method": name, "params": params})


def result(request_id: Raw, outcome: object) -> bytes:
    """Return the response to the request *request_id*."""
    return _encode({"jsonrpc": _VERSION, "id": request_id, "result": outcome})


def error(request_id: Raw | None, code: int, message: str, data: object = None) -> bytes:
    """Return the error that answers the request *request_id*, or one whose id is not known."""
    body: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    return _encode({"jsonrpc": _VERSION, "id": request_id or _NULL, "error": body})
