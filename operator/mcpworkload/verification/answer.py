"""What came back for one request: a response of JSON-RPC, or what it is instead; no I/O."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Kind, Message, NotJsonRpc
from mcpworkload.protocol.media import JSON_TYPE

#: Of what is no answer of MCP, so much is kept.
LOOK_BYTES: Final = 8 * 1024


@dataclass(slots=True)
class Answer:
    """What came back: a response of JSON-RPC, or what it is instead."""

    status: int
    headers: Mapping[str, str]
    #: The media type, without parameters.
    content_type: str
    #: The response to our request; of an error status the error, whatever its id.
    message: Message | None = None
    #: What is wrong with an answer in JSON-RPC that is not the response; empty if it is none.
    fault: str = ""
    #: The beginning of what is no message.
    body: bytes = b""

    def understand(self, body: bytes, request_id: int) -> None:
        """Take *body*, which ought to be the response to *request_id*."""
        try:
            if b'"id"' not in body:
                jsonrpc.decode(body)
            self.message = response_in(body, request_id)
        except NotJsonRpc:
            self.body = body[:LOOK_BYTES]
            self.fault = "JSON that is no message of JSON-RPC" if body else "no message"
            return
        if self.message is None:
            self.fault = "a message that is not the response, or has another id"

    def look(self, body: bytes) -> None:
        """Take the beginning of a *body* that is no response; an error may be in it."""
        self.body = body[:LOOK_BYTES]
        if self.content_type != JSON_TYPE or self.status < 400:
            return
        with contextlib.suppress(NotJsonRpc):
            # Errors to what a server did not care to read have an id of its own choice.
            message = jsonrpc.decode(body)
            if "error" in message:
                self.message = message

    @property
    def error_code(self) -> int | None:
        """The code of the error in the response; None where there is no error."""
        if self.message is None or "error" not in self.message:
            return None
        return jsonrpc.whole_number(jsonrpc.members(self.message["error"]).get("code")) or 0

    @property
    def result(self) -> Message | None:
        """The members of the result in the response; None where there is none."""
        if self.message is None or "result" not in self.message:
            return None
        return jsonrpc.members(self.message["result"])

    @property
    def words(self) -> str:
        """Return what came back, for people."""
        if self.fault:
            return f"{self.status}, {self.fault}"
        if self.message is not None:
            if (code := self.error_code) is not None:
                return f"{self.status}, error {code}"
            return f"{self.status}, a result"
        if self.status < 300 and self.content_type:
            return f"{self.status}, {self.content_type}"
        return str(self.status)


def response_in(data: bytes, request_id: int | None) -> Message | None:
    """
    Return the response to *request_id* in *data*; None where it is another message.

    Raises:
        NotJsonRpc: it is none.
    """
    if b'"id"' not in data:
        return None  # a notification, of which there may be many
    message = jsonrpc.decode(data)
    if jsonrpc.kind(message) is not Kind.RESPONSE:
        return None
    return message if jsonrpc.identifier(message["id"]) == request_id else None
