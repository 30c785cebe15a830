"""A client's request on its way to a server: what of it is replaced, and put back in the answer."""

import asyncio
from typing import TypeVar

import msgspec

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, Raw
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.members import size
from mcpworkload.protocol.sent import TOKEN, Sent
from mcpworkload.protocol.versions import LOG_LEVEL_KEY, SUBSCRIPTION_KEY

T = TypeVar("T")

LISTEN = "subscriptions/listen"
#: Our numbers are below two to this power: some servers take an id for 32 bits with a sign, others
#: write fourteen digits of a number.
NUMBER_BITS = 31
_LONGEST_NUMBER = len(str(2**NUMBER_BITS))


_ABSENT = Raw(b"")


class _Meta(msgspec.Struct, rename={"subscription": SUBSCRIPTION_KEY}):
    subscription: Raw = _ABSENT


class _Params(msgspec.Struct, rename={"meta": "_meta"}):
    """What is read of a notification's parameters, and passed over, however large."""

    meta: Raw = _ABSENT


class _Error(msgspec.Struct):
    code: Raw = _ABSENT


_meta = msgspec.json.Decoder(_Meta)
_params = msgspec.json.Decoder(_Params)
_error = msgspec.json.Decoder(_Error)


class Call:
    """A request that is not answered, under the number that the server knows it by."""

    __slots__ = (
        "among",
        "client_id",
        "error_code",
        "mail",
        "method",
        "number",
        "timer",
        "token",
        "wants_logs",
    )

    def __init__(self, number: int, sent: Sent, mail: Mailbox, among: "dict[Call, None]") -> None:
        self.number = number
        #: The unanswered requests of the same client.
        self.among = among
        self.method = sent.method
        self.client_id = sent.request_id
        self.token: Raw | None = None
        self.mail = mail
        #: Of the answer, where that is an error.
        self.error_code: int | None = None
        self.timer: asyncio.TimerHandle | None = None
        #: Whether it asked for log messages about itself, as requests since 2026-07-28 may.
        self.wants_logs = LOG_LEVEL_KEY in sent.meta

    @property
    def is_listening(self) -> bool:
        """Whether its answer is a stream that ends when somebody ends it."""
        return self.method == LISTEN

    @property
    def kept_bytes(self) -> int:
        """How much of what its client chose is kept until it is answered."""
        return size(self.client_id) + (0 if self.token is None else size(self.token))

    def outgoing(self, sent: Sent) -> bytes:
        """
        Return *sent* with our number for the client's id and progress token.

        Both are chosen by clients that know nothing of each other, and mean nothing to a server
        but what it gives back.
        """
        number = jsonrpc.raw(self.number)
        if TOKEN in sent.meta:
            try:
                jsonrpc.identifier(sent.meta[TOKEN])
            except jsonrpc.NotJsonRpc:
                # No token by any version of the protocol; passed on, it could equal one of ours.
                del sent.meta[TOKEN]
            else:
                self.token = jsonrpc.own(sent.meta[TOKEN])
                sent.meta[TOKEN] = number
        return sent.line(number)

    def answer(self, message: Message) -> bytes:
        """Return the response *message* as the client asked for it."""
        message["id"] = self.client_id
        if "error" in message:
            code = jsonrpc.whole_number(_read(_error, message["error"], _Error()).code)
            self.error_code = jsonrpc.INTERNAL_ERROR if code is None else code
        if self.is_listening and "result" in message:
            message["result"] = self._with_own_subscription(message["result"])
        return jsonrpc.encode(message)

    def progress(self, message: Message, params: Message) -> bytes | None:
        """Return a progress notification under the client's token; None if it gave none."""
        if self.token is None:
            return None
        params["progressToken"] = self.token
        message["params"] = jsonrpc.raw(params)
        return jsonrpc.encode(message)

    def event(self, message: Message) -> bytes:
        """Return a notification of the subscription that this call opened."""
        message["params"] = self._with_own_subscription(message["params"])
        return jsonrpc.encode(message)

    def error(self, code: int, text: str) -> bytes:
        """Return an error of ours that answers it."""
        self.error_code = code
        return jsonrpc.error(self.client_id, code, text)

    def end_of_subscription(self) -> bytes:
        """Return the result that ends a subscription on purpose."""
        meta = {SUBSCRIPTION_KEY: self.client_id}
        return jsonrpc.result(self.client_id, {"resultType": "complete", "_meta": meta})

    def _with_own_subscription(self, part: Raw) -> Raw:
        members = jsonrpc.members(part)
        meta = jsonrpc.members(members.get("_meta"))
        if SUBSCRIPTION_KEY not in meta:
            return part
        meta[SUBSCRIPTION_KEY] = self.client_id
        members["_meta"] = jsonrpc.raw(meta)
        return jsonrpc.raw(members)


class SessionCall(Call):
    """A request in a session, where no method has an answer without end."""

    __slots__ = ()

    @property
    def is_listening(self) -> bool:
        """Whatever its method says."""
        return False


def subscription_number(message: Message) -> int | None:
    """Return which of our calls opened the subscription that *message* belongs to, if one did."""
    meta = _read(_params, message.get("params"), _Params()).meta
    return our_number(_read(_meta, meta, _Meta()).subscription)


def our_number(raw: Raw | None) -> int | None:
    """Return the number in *raw* that may be one of ours; some servers give back a string."""
    if raw is None:
        return None
    try:
        number = jsonrpc.identifier(raw)
    except jsonrpc.NotJsonRpc:
        return None
    if isinstance(number, int):
        return number
    return (
        int(number)
        if number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER
        else None
    )


def _read(decoder: "msgspec.json.Decoder[T]", part: Raw | None, otherwise: T) -> T:
    """Return what *decoder* finds in *part*; *otherwise* where that is missing or another thing."""
    if part is None:
        return otherwise
    try:
        return decoder.decode(part)
    except (msgspec.DecodeError, RecursionError):
        return otherwise
