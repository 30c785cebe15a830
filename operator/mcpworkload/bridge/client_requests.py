"""A client's request on its way to a server: replaces id and token, and puts them back."""

import asyncio
from typing import Protocol, TypeVar

import msgspec

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, Raw
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.members import size
from mcpworkload.protocol.sent import TOKEN, Sent
from mcpworkload.protocol.versions import LOG_LEVEL_KEY, SUBSCRIPTION_KEY

T = TypeVar("T")

LISTEN = "subscriptions/listen"
#: The bridge's request ids are numbers below two to this power: some servers keep an id in 32 bits
#: with a sign, others write fourteen digits of a number.
REQUEST_ID_BITS = 31
_LONGEST_REQUEST_ID = len(str(2**REQUEST_ID_BITS))


_ABSENT = Raw(b"")


class _Meta(msgspec.Struct, rename={"subscription": SUBSCRIPTION_KEY}):
    subscription: Raw = _ABSENT


class _Params(msgspec.Struct, rename={"meta": "_meta"}):
    """The member of a notification's parameters that is read; the others are passed over."""

    meta: Raw = _ABSENT


class _Error(msgspec.Struct):
    code: Raw = _ABSENT


_meta = msgspec.json.Decoder(_Meta)
_params = msgspec.json.Decoder(_Params)
_error = msgspec.json.Decoder(_Error)


class RequestOwner(Protocol):
    """The client that waits for a request, as far as the bridge knows it."""

    id: str

    def add_request(self, pending: "ClientRequest") -> None:
        """Have *pending* among the owner's unanswered requests."""

    def remove_request(self, pending: "ClientRequest") -> None:
        """Forget *pending*, which was answered or given up."""


class ClientRequest:
    """An unanswered request, under the id that the server knows it by."""

    __slots__ = (
        "client_request_id",
        "error_code",
        "mail",
        "method",
        "owner",
        "request_id",
        "timer",
        "token",
        "wants_logs",
    )

    def __init__(
        self, request_id: int, sent: Sent, mail: Mailbox, owner: RequestOwner | None = None
    ) -> None:
        self.request_id = request_id
        #: The session that it belongs to; None for one that stands for itself.
        self.owner = owner
        self.method = sent.method
        self.client_request_id = sent.request_id
        self.token: Raw | None = None
        self.mail = mail
        #: The code of its answer, where that is an error.
        self.error_code: int | None = None
        self.timer: asyncio.TimerHandle | None = None
        #: Whether it asked for log messages about itself, as requests since 2026-07-28 may.
        self.wants_logs = LOG_LEVEL_KEY in sent.meta

    @property
    def owner_id(self) -> str | None:
        """The id of the session that it belongs to."""
        return None if self.owner is None else self.owner.id

    @property
    def is_listening(self) -> bool:
        """Whether its answer is a stream without an end of its own."""
        return self.method == LISTEN

    @property
    def is_own(self) -> bool:
        """Whether the bridge itself waits for the answer, and no client."""
        return False

    @property
    def kept_bytes(self) -> int:
        """The bytes of its id and token, which its client chose, kept until its answer."""
        return size(self.client_request_id) + (0 if self.token is None else size(self.token))

    def outgoing(self, sent: Sent) -> bytes:
        """
        Return *sent* with the bridge's id in place of the client's id and progress token.

        Both are chosen by clients that know nothing of each other, and mean nothing to a server
        but what it gives back.
        """
        request_id = jsonrpc.raw(self.request_id)
        if TOKEN in sent.meta:
            try:
                jsonrpc.identifier(sent.meta[TOKEN])
            except jsonrpc.NotJsonRpc:
                # No token by any version of the protocol; passed on, it could equal one of another.
                del sent.meta[TOKEN]
            else:
                self.token = jsonrpc.own(sent.meta[TOKEN])
                sent.meta[TOKEN] = request_id
        return sent.line(request_id)

    def answer(self, message: Message) -> bytes:
        """Return the response *message* as the client asked for it."""
        message["id"] = self.client_request_id
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
        """Return a notification of the subscription that this request opened."""
        message["params"] = self._with_own_subscription(message["params"])
        return jsonrpc.encode(message)

    def error(self, code: int, text: str) -> bytes:
        """Return an error of the bridge that answers it."""
        self.error_code = code
        return jsonrpc.error(self.client_request_id, code, text)

    def end_of_subscription(self) -> bytes:
        """Return the result that ends a subscription on purpose."""
        meta = {SUBSCRIPTION_KEY: self.client_request_id}
        return jsonrpc.result(self.client_request_id, {"resultType": "complete", "_meta": meta})

    def _with_own_subscription(self, part: Raw) -> Raw:
        members = jsonrpc.members(part)
        meta = jsonrpc.members(members.get("_meta"))
        if SUBSCRIPTION_KEY not in meta:
            return part
        meta[SUBSCRIPTION_KEY] = self.client_request_id
        members["_meta"] = jsonrpc.raw(meta)
        return jsonrpc.raw(members)


class OwnRequest(ClientRequest):
    """A request of the bridge's own."""

    __slots__ = ()

    @property
    def is_own(self) -> bool:
        """It is: what decides for clients does not look at it."""
        return True


class SessionRequest(ClientRequest):
    """A request in a session, where no method has an answer without end."""

    __slots__ = ()

    @property
    def is_listening(self) -> bool:
        """No method of a session listens."""
        return False


def subscription_request_id(message: Message) -> int | None:
    """Return the id of the request whose subscription *message* belongs to, if there is one."""
    meta = _read(_params, message.get("params"), _Params()).meta
    return own_request_id(_read(_meta, meta, _Meta()).subscription)


def own_request_id(raw: Raw | None) -> int | None:
    """Return the id in *raw* that may be one of ours; some servers give back a string."""
    if raw is None:
        return None
    try:
        request_id = jsonrpc.identifier(raw)
    except jsonrpc.NotJsonRpc:
        return None
    if isinstance(request_id, int):
        return request_id
    return (
        int(request_id)
        if request_id.isascii()
        and request_id.isdecimal()
        and len(request_id) <= _LONGEST_REQUEST_ID
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
