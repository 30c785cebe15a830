"""A client's request on its way to a server: what of it is replaced, and put back in the answer."""

import asyncio

from mcpworkload.bridge import jsonrpc
from mcpworkload.bridge.jsonrpc import Message, Raw
from mcpworkload.bridge.mailbox import Mailbox

LISTEN = "subscriptions/listen"
#: Under this key of ``_meta`` every message of a subscription names the request that opened it.
SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"


class Call:
    """A request that is not answered, under the number that the server knows it by."""

    __slots__ = ("among", "client_id", "error_code", "mail", "method", "number", "timer",
                 "token", "wants_logs")  # fmt: skip

    def __init__(
        self, number: int, message: Message, mail: Mailbox, among: "dict[Call, None]"
    ) -> None:
        self.number = number
        #: The unanswered requests of the same client.
        self.among = among
        self.method = jsonrpc.method(message)
        self.client_id = jsonrpc.own(message["id"])
        self.token: Raw | None = None
        self.mail = mail
        #: Of the answer, where that is an error.
        self.error_code: int | None = None
        self.timer: asyncio.TimerHandle | None = None
        #: Whether it asked for log messages about itself, as requests since 2026-07-28 may.
        self.wants_logs = False

    @property
    def is_listening(self) -> bool:
        """Whether its answer is a stream that ends when somebody ends it."""
        return self.method == LISTEN

    def outgoing(self, message: Message) -> bytes:
        """
        Return *message* with our number for the client's id and progress token.

        Both are chosen by clients that know nothing of each other, and mean nothing to a server
        but what it gives back.
        """
        number = jsonrpc.raw(self.number)
        message["id"] = number
        params = message.get("params")
        if params is not None and _may_have(params, b"progressToken"):
            self._replace_token(message, number)
        return jsonrpc.encode(message)

    def answer(self, message: Message) -> bytes:
        """Return the response *message* as the client asked for it."""
        message["id"] = self.client_id
        if "error" in message:
            code = jsonrpc.value(jsonrpc.members(message["error"]).get("code"))
            self.error_code = code if isinstance(code, int) else jsonrpc.INTERNAL_ERROR
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
        meta = {SUBSCRIPTION_ID: self.client_id}
        return jsonrpc.result(self.client_id, {"resultType": "complete", "_meta": meta})

    def _replace_token(self, message: Message, number: Raw) -> None:
        params = jsonrpc.members(message["params"])
        meta = jsonrpc.members(params.get("_meta"))
        if "progressToken" not in meta:
            return
        try:
            jsonrpc.identifier(meta["progressToken"])
        except jsonrpc.NotJsonRpc:
            # No token by any version of the protocol; passed on, it could equal one of ours.
            del meta["progressToken"]
        else:
            self.token = jsonrpc.own(meta["progressToken"])
            meta["progressToken"] = number
        params["_meta"] = jsonrpc.raw(meta)
        message["params"] = jsonrpc.raw(params)

    def _with_own_subscription(self, part: Raw) -> Raw:
        members = jsonrpc.members(part)
        meta = jsonrpc.members(members.get("_meta"))
        if SUBSCRIPTION_ID not in meta:
            return part
        meta[SUBSCRIPTION_ID] = self.client_id
        members["_meta"] = jsonrpc.raw(meta)
        return jsonrpc.raw(members)


def subscription_number(message: Message) -> int | None:
    """Return which of our calls opened the subscription that *message* belongs to, if one did."""
    params = message.get("params")
    if params is None or not _may_have(params, b"subscriptionId"):
        return None
    meta = jsonrpc.members(jsonrpc.members(params).get("_meta"))
    return our_number(meta[SUBSCRIPTION_ID]) if SUBSCRIPTION_ID in meta else None


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
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 16 else None


def _may_have(part: Raw, key: bytes) -> bool:
    """Whether *key* may stand in *part*, escaped or not; a look inside costs more than this."""
    data = bytes(part)
    return key in data or b"\\u" in data
