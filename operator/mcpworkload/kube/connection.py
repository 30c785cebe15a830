"""
HTTP sessions with the API server.

Where credentials come from is the caller's knowledge; that a ServiceAccount's token is renewed on
disk every hour is known here.
"""

import base64
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import msgspec

from mcpworkload.kube.errors import ExplainedError

log = logging.getLogger(__name__)

# The kubelet renews a token long before it expires; a minute's delay in noticing is harmless.
TOKEN_MAX_AGE = 60.0
# Longer than the server's keep-alive would only meet closed connections.
IDLE_CONNECTION_SECONDS = 60.0


class NoCredentials(ExplainedError):
    """Neither a pod's ServiceAccount nor a kubeconfig was found."""


class Credentials(Protocol):
    """The address of an API server, and what a client shows to be let in."""

    @property
    def server(self) -> str:
        """The URL of the API server."""

    @property
    def token(self) -> str | None:
        """The bearer token, where there is one."""

    def as_ssl_context(self) -> ssl.SSLContext:
        """How to talk TLS with the server, the client's certificate included."""

    def as_http_headers(self) -> Mapping[str, str]:
        """The headers that authorize a request."""


FindCredentials = Callable[[], Credentials]


@dataclass(frozen=True)
class Connection:
    """The API server's address and a session that is authorized to talk to it."""

    server: str
    session: aiohttp.ClientSession
    #: For whom the tokens are that the API server takes, as far as our own says so.
    audiences: tuple[str, ...] = ()

    @classmethod
    def open(
        cls, find: "FindCredentials", agent: str, *middlewares: aiohttp.ClientMiddlewareType
    ) -> "Connection":
        """
        A connection with the credentials that *find* returns; close it with `close`.

        *agent* is what the API server's audit log calls the client. Each request passes through
        *middlewares* as well.

        Raises:
            NoCredentials: none were found, or they cannot be read.
        """
        info = find()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=info.as_ssl_context(), keepalive_timeout=IDLE_CONNECTION_SECONDS
            ),
            headers={"User-Agent": agent},
            middlewares=(*middlewares, _Authorization(info, find)),
        )
        return cls(info.server.rstrip("/"), session, audiences_of(info.token or ""))

    async def close(self) -> None:
        """Close every connection; the object is of no use afterwards."""
        await self.session.close()


class _Authorization:
    """Adds the Authorization header to each request, read anew when it has aged."""

    def __init__(self, info: Credentials, find: "FindCredentials") -> None:
        self._find = find
        self._headers = info.as_http_headers()
        self._read_at = time.monotonic()

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._headers and time.monotonic() - self._read_at > TOKEN_MAX_AGE:
            self._read_at = time.monotonic()
            try:
                self._headers = self._find().as_http_headers()
            except NoCredentials as error:
                log.warning("%s; going on with the token at hand", error)
        request.headers.update(self._headers)
        return await handler(request)


def audiences_of(token: str) -> tuple[str, ...]:
    """For whom *token* is, and who issued it; nothing where it is no JSON Web Token."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = msgspec.json.decode(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims
        )
    except (ValueError, msgspec.MsgspecError):
        return ()
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    return tuple(name for name in (*audiences, claims.iss) if name)


class _Claims(msgspec.Struct):
    """What a token says of itself, as far as we read it."""

    aud: str | list[str] = ""
    iss: str = ""
