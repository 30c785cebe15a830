"""Requests to the API server: bytes in, bytes out, every failure one of `errors`."""

import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlencode

import aiohttp

from mcpworkload.kube.connection import Connection
from mcpworkload.kube.errors import Interrupted, Unavailable, error_of
from mcpworkload.kube.limiter import Limiter
from mcpworkload.kube.lines import split_lines

REQUEST_SECONDS = 30.0
# A watch delivers one object a line; the largest object that etcd takes is 1.5 MB.
MAX_LINE_BYTES = 8 * 1024 * 1024
_BUFFER_BYTES = 2**18
_NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError)


class Api:
    """
    A client of the API server over one connection.

    *limiter* bounds the requests in flight. Streams do not count: watches last, and cost nothing
    while nothing happens.
    """

    def __init__(self, connection: Connection, limiter: Limiter | None = None) -> None:
        self._server = connection.server
        self._session = connection.session
        self._route = connection.route
        self._limiter = limiter
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
        Return the body of a successful response.

        Raises:
            ApiError: the leaf that fits the HTTP status, `Unavailable` when there was none.
        """
        headers = {"Accept": accept, "Content-Type": content_type}
        if self._limiter is None:
            return await self._send(method, path, params, body, headers)
        # Out here the wait for a turn is not part of the time that an answer may take.
        async with self._limiter.slot(path):
            return await self._send(method, path, params, body, headers)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> bytes:
        try:
            async with self._session.request(
                method,
                self._server + path,
                params=params,
                data=body,
                headers=headers,
                timeout=self._limits(total=REQUEST_SECONDS),
                proxy=self._route.proxy,
                server_hostname=self._route.server_hostname,
            ) as response:
                content = await response.read()
        except _NO_ANSWER as error:
            raise Unavailable(f"no answer to {method} {path}: {error or type(error)}") from error
        self._judge(response, content)
        return content

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        params: Mapping[str, str],
        silence: float | None,
        accept: str = "application/json",
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """
        Open the body of a response to GET, to be read as it arrives.

        It ends when the server closes it, and fails when it is silent for *silence* seconds.

        Raises:
            ApiError: as `request` does; `Interrupted` in the middle of the stream.
        """
        kind: type[Unavailable] = Unavailable
        try:
            async with self._session.get(
                self._server + path,
                params=params,
                headers={"Accept": accept},
                timeout=self._limits(silence=silence),
                proxy=self._route.proxy,
                server_hostname=self._route.server_hostname,
                read_bufsize=_BUFFER_BYTES,
            ) as response:
                if response.status != 200:
                    self._judge(response, await response.read())
                self.answered_at = time.monotonic()
                kind = Interrupted
                yield response.content
        except _NO_ANSWER as error:
            raise kind(f"the answer to GET {path} ended: {error or type(error)}") from error

    @asynccontextmanager
    async def lines(
        self,
        path: str,
        params: Mapping[str, str],
        silence: float,
        accept: str = "application/json",
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """
        Open the lines of a watch, as `stream` opens its bytes.

        Raises:
            ApiError: as `stream` does, and `Unavailable` for a line of over MAX_LINE_BYTES.
        """
        stream = self.stream(path, params, silence, accept)
        async with stream as content, aclosing(self._whole(content)) as lines:
            yield lines

    async def _whole(self, content: aiohttp.StreamReader) -> AsyncGenerator[bytes]:
        """Yield the lines that have ended: the rest of a watch that broke is no event."""
        async with aclosing(split_lines(content.iter_any(), MAX_LINE_BYTES)) as lines:
            async for line, is_ended in lines:
                if is_ended:
                    self.answered_at = time.monotonic()
                    yield line

    @asynccontextmanager
    async def websocket(
        self, path: str, params: Sequence[tuple[str, str]], protocols: tuple[str, ...]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """
        Open a WebSocket, as attach, exec and port-forward use it; frames may be of any size.

        Raises:
            ApiError: as `request` does. A refusal comes without the API server's message.
        """
        try:
            socket = await self._session.ws_connect(
                f"{self._server}{path}?{urlencode(params)}",
                protocols=protocols,
                max_msg_size=0,
                autoping=True,
                proxy=self._route.proxy,
                server_hostname=self._route.server_hostname,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise error_of(error.status, error.message.encode()) from error
        except _NO_ANSWER as error:
            raise Unavailable(f"no answer to GET {path}: {error or type(error)}") from error
        try:
            yield socket
        finally:
            await socket.close()

    def _limits(
        self, total: float | None = None, silence: float | None = None
    ) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=total, sock_connect=self._route.connect_seconds, sock_read=silence
        )

    def _judge(self, response: aiohttp.ClientResponse, content: bytes) -> None:
        """Note that the API server responds, and raise if the response is a failure."""
        status = response.status
        if status < 500 and status != 429:
            self.answered_at = time.monotonic()
        if status >= 400:
            raise error_of(status, content, _seconds(response.headers.get("Retry-After", "")))


def _seconds(header: str) -> float | None:
    return float(header) if header.isdecimal() else None
