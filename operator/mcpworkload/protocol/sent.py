"""
A client's message, opened as far as it is read and written anew for a server.

A server may read JSON more leniently: take the first of two equal names or the last,
or a name in another case. So what it gets is written from what was read, name by name, and names
that could be taken for a known one are refused.
"""

from collections.abc import Collection

import msgspec

from mcpworkload.protocol import jsonrpc, members, spelling
from mcpworkload.protocol.jsonrpc import INVALID_REQUEST, Kind, Message, NotJsonRpc, Raw
from mcpworkload.protocol.opening import LARGE_BYTES, Steps, at_once
from mcpworkload.protocol.versions import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    LOG_LEVEL_KEY,
    SUBSCRIPTION_KEY,
    VERSION_KEY,
)

MAX_ENVELOPE_MEMBERS = 64
TOKEN = "progressToken"  # noqa: S105 - of progress
_ENVELOPE = frozenset(("jsonrpc", "id", "method", "params", "result", "error"))
_PARAMS = spelling.Known(("_meta", "arguments", "name", "uri"))
_META = spelling.Known(
    (TOKEN, VERSION_KEY, CAPABILITIES_KEY, CLIENT_KEY, LOG_LEVEL_KEY, SUBSCRIPTION_KEY),
    prefix=spelling.PREFIX,
)


class Sent:
    """A client's message. `clear` releases what is large in it."""

    __slots__ = (
        "_has_meta",
        "_has_params",
        "_outcome",
        "_params",
        "id",
        "id_value",
        "kind",
        "meta",
        "method",
        "params",
    )

    def __init__(self, envelope: Message) -> None:
        self.kind = jsonrpc.kind(envelope)
        #: As the client wrote it, and what it means; None for a notification.
        self.id: Raw | None = None
        self.id_value: str | int | None = None
        if "id" in envelope:
            self.id = jsonrpc.own(envelope["id"])
            self.id_value = jsonrpc.identifier(self.id)
        self.method = "" if self.kind is Kind.RESPONSE else jsonrpc.method(envelope)
        self._params = envelope.get("params")
        self._outcome: dict[str, object] = {
            name: envelope[name] for name in ("result", "error") if name in envelope
        }
        #: The members of ``params`` and of its ``_meta``; empty where it has none.
        self.params: dict[str, Raw] = {}
        self.meta: dict[str, Raw] = {}
        self._has_params = self._has_meta = False

    @property
    def request_id(self) -> Raw:
        """The id of a request, as the client wrote it."""
        assert self.id is not None  # noqa: S101 - a request has one
        return self.id

    def line(self, request_id: Raw | None = None) -> bytes:
        """Return the message as one line, with *request_id* as the id of a request."""
        message: dict[str, object] = {"jsonrpc": "2.0"}
        if self.kind is Kind.RESPONSE:
            return jsonrpc.encode({**message, "id": self.id_value, **self._outcome})
        if self.kind is Kind.REQUEST:
            message["id"] = request_id
        message["method"] = self.method
        if self._has_params:
            params: dict[str, object] = dict(self.params)
            if self._has_meta and "_meta" in params:
                params["_meta"] = self.meta
            message["params"] = params
        elif self._params is not None:
            message["params"] = self._params
        return jsonrpc.encode(message)

    def leave_out(self, keys: Collection[str]) -> None:
        """Take *keys* out of ``_meta``, and ``_meta`` if nothing else is in it."""
        for key in keys:
            self.meta.pop(key, None)
        if self._has_meta and not self.meta:
            self.params.pop("_meta")

    def clear(self) -> None:
        """Let go of all that may be large."""
        self._params = None
        self._outcome, self.params, self.meta = {}, {}, {}

    def open(self) -> Steps[None]:
        """
        Look into ``params`` and ``_meta``, in steps.

        Raises:
            NotJsonRpc: a member's name could be taken for another one, or there are too many.
        """
        if self._params is None or self.kind is Kind.RESPONSE:
            return
        found = self._members(self._params, _PARAMS, "params")
        if found is None:
            return
        size, meta = members.size(self._params), None
        self.params, self._params, self._has_params = found, None, True
        if "_meta" in found:
            if size > LARGE_BYTES:
                yield
            meta = self._members(found["_meta"], _META, "params._meta")
        if meta is not None:
            self.meta, self._has_meta = meta, True
            if TOKEN in meta and members.size(meta[TOKEN]) > jsonrpc.MAX_ID_BYTES:
                text = f"params._meta.{TOKEN} is longer than {jsonrpc.MAX_ID_BYTES} bytes"
                raise NotJsonRpc(INVALID_REQUEST, text, self.id)

    def _members(self, part: Raw, known: spelling.Known, where: str) -> dict[str, Raw] | None:
        try:
            return members.read_from_client(part, known, where)
        except members.Refused as error:
            raise NotJsonRpc(INVALID_REQUEST, str(error), self.id) from None
        except (msgspec.DecodeError, RecursionError):
            return None  # no object: no known name is in it


def opening(data: bytes) -> Steps[Sent]:
    """
    Return the message in *data*, in steps.

    Raises:
        NotJsonRpc: it is none, or has members that could be taken for others.
    """
    envelope = yield from jsonrpc.opening(data, _envelope)
    if len(data) > LARGE_BYTES:
        yield
    sent = Sent(envelope)
    envelope.clear()
    yield from sent.open()
    return sent


def opened(data: bytes) -> Sent:
    """Return the message in *data*, as `opening` does, at once."""
    return at_once(opening(data))


def request(name: str, params: object) -> Sent:
    """Return a request of this process."""
    return opened(jsonrpc.request(0, name, params))


def _envelope(data: bytes) -> Message:
    try:
        found = members.read(data, MAX_ENVELOPE_MEMBERS)
    except members.Refused:
        text = f"the message has more than {MAX_ENVELOPE_MEMBERS} members"
        raise NotJsonRpc(INVALID_REQUEST, text) from None
    for name in found:
        if name not in _ENVELOPE:
            text = f"the message has a member {members.shown(name)}, which JSON-RPC does not know"
            raise NotJsonRpc(INVALID_REQUEST, text)
    return found
