"""Requests to the API server: bytes in, bytes out, every failure translated in one place."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from mcpworkload.kube.connection import Connection
from mcpworkload.kube.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    NamespaceEnding,
    NotFound,
    Refused,
    Unavailable,
)
from mcpworkload.kube.redaction import discreet

REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 5.0
# Server text goes into conditions and logs; an admission webhook may answer with pages of it.
MAX_MESSAGE = 1000
# A watch delivers one object a line; the largest object that etcd takes is 1.5 MB.
MAX_LINE_BYTES = 8 * 1024 * 1024

_BY_STATUS: dict[int, type[ApiError]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    # A new token is read within a minute.
    401: Unavailable,
    429: Unavailable,
}
# What server-side apply answers, as an internal error of its own, to a body that it can't read
# as the type it should be: a field that does not exist, a text for a number. Only a template
# patch can make such a body.
_UNREADABLE = ("failed to create typed patch object", "failed to convert new object")


class _Cause(msgspec.Struct):
    """One of the reasons for a failure, in a word that programs can rely on."""

    reason: str = ""


class _Details(msgspec.Struct):
    """What the API server has to say to programs about a failure."""

    causes: list[_Cause] = []


class _Status(msgspec.Struct):
    """The API server's answer to a request that failed."""

    message: str = ""
    details: _Details | None = None

    def is_namespace_ending(self) -> bool:
        """Whether it failed because the namespace is being deleted."""
        causes = self.details.causes if self.details else []
        return any(cause.reason == "NamespaceTerminating" for cause in causes)


class Api:
    """What the rest of the package uses instead of HTTP."""

    def __init__(self, connection: Connection) -> None:
        self._server = connection.server
        self._session = connection.session
        #: When the API server last gave a sensible answer, on the clock of `time.monotonic`.
        self.answered_at = 0.0

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        """
        The body of a successful answer.

        Raises:
            ApiError: the leaf that fits the HTTP status, `Unavailable` when there was none.
        """
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        headers = {"Accept": accept, "Content-Type": content_type}
        try:
            async with self._session.request(
                method,
                self._server + path,
                params=params,
                data=body,
                headers=headers,
                timeout=timeout,
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError) as error:
            raise Unavailable(f"no answer to {method} {path}: {error or type(error)}") from error
        self._judge(response, content)
        return content

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        params: Mapping[str, str],
        silence: float,
        accept: str = "application/json",
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """
        The lines of a watch, until the server closes it or is silent for *silence* seconds.

        Raises:
            ApiError: as `request` does; `Unavailable` also in the middle of the stream.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        try:
            async with self._session.get(
                self._server + path,
                params=params,
                headers={"Accept": accept},
                timeout=timeout,
                read_bufsize=2**18,
            ) as response:
                if response.status != 200:
                    self._judge(response, await response.read())
                self.answered_at = time.monotonic()
                yield _lines(response.content)
        except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError) as error:
            raise Unavailable(f"the watch of {path} ended: {error or type(error)}") from error

    def _judge(self, response: aiohttp.ClientResponse, content: bytes) -> None:
        """Note that the API server lives, and raise if its answer says that the request failed."""
        status = response.status
        if status < 500 and status != 429:
            self.answered_at = time.monotonic()
        if status < 400:
            return
        try:
            answer = msgspec.json.decode(content, type=_Status)
        except msgspec.DecodeError:
            answer = _Status(content.decode(errors="replace"))
        kind = kind_of(status, answer.message)
        if answer.is_namespace_ending():
            kind = NamespaceEnding
        raise kind(
            discreet(answer.message)[:MAX_MESSAGE] or f"HTTP {status}",
            status=status,
            retry_after=_seconds(response.headers.get("Retry-After", "")),
        )


def kind_of(status: int, message: str) -> type[ApiError]:
    """Which error an answer with that HTTP status and message is."""
    if status == 500 and message.startswith(_UNREADABLE):
        return Refused
    return _BY_STATUS.get(status, Unavailable if status >= 500 else Refused)


def _seconds(header: str) -> float | None:
    return float(header) if header.isdecimal() else None


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Complete lines of any length; `StreamReader.readline` refuses the long ones."""
    pending: list[bytes] = []
    size = 0
    async for chunk in content.iter_any():
        *complete, rest = chunk.split(b"\n")
        for line in complete:
            yield b"".join((*pending, line))
            pending, size = [], 0
        if rest:
            pending.append(rest)
            size += len(rest)
            if size > MAX_LINE_BYTES:
                raise Unavailable(f"a watch sent a line of over {MAX_LINE_BYTES} bytes")
        await asyncio.sleep(0)
