"""
HTTP sessions with the API server.

The caller finds the credentials: the operator with kopf, library and command line with the
`kubernetes` package.
"""

import base64
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import aiohttp
import msgspec

from mcpworkload.kube.errors import ExplainedError
from mcpworkload.kube.fence import Fence, FencedConnector
from mcpworkload.kube.sockets import Sockets

log = logging.getLogger(__name__)

# The kubelet renews a token long before it expires; a minute's delay in noticing is harmless.
TOKEN_MAX_AGE = 60.0
# Longer than the server's keep-alive would only meet closed connections.
IDLE_CONNECTION_SECONDS = 60.0


class NoCredentials(ExplainedError):
    """Neither a pod's ServiceAccount nor a kubeconfig was found."""


class Credentials(Protocol):
    """The address of an API server, and what authenticates a client there."""

    @property
    def server(self) -> str:
        """The URL of the API server."""

    @property
    def token(self) -> str | None:
        """The bearer token, where there is one."""

    def as_ssl_context(self) -> ssl.SSLContext:
        """Return the TLS settings for the server, with the client's certificate if there is one."""

    def as_http_headers(self) -> Mapping[str, str]:
        """Return the headers that authorize a request."""


FindCredentials = Callable[[], Credentials]


class Authorization(Protocol):
    """The headers that authorize requests, for as long as a connection lives."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the next request."""
        ...

    async def renew(self) -> bool:
        """Renew credentials that were refused with 401; return whether to repeat the request."""
        ...


@dataclass(frozen=True)
class Route:
    """The way to the API server, beside its address."""

    #: The URL of the proxy; without one, *trust_env* lets those of the environment count.
    proxy: str | None = None
    trust_env: bool = False
    #: The name in the server's certificate, where that is not the address.
    server_hostname: str | None = None
    connect_seconds: float = 5.0
    #: How long a connection that is not used is kept.
    idle_seconds: float = IDLE_CONNECTION_SECONDS


@dataclass(frozen=True)
class Connection:
    """The API server's address and a session that is authorized to talk to it."""

    server: str
    session: aiohttp.ClientSession
    #: The audiences of tokens that the API server takes, as far as our own token has them.
    audiences: tuple[str, ...] = ()
    route: Route = Route()
    sockets: Sockets = field(default_factory=Sockets)

    @classmethod
    def open(
        cls,
        credentials: Credentials,
        authorization: Authorization,
        agent: str,
        *middlewares: aiohttp.ClientMiddlewareType,
        route: Route | None = None,
        fence: Fence | None = None,
    ) -> "Connection":
        """
        Return a connection with *credentials*; close it with `close`.

        *agent* is what the API server's audit log calls the client. Each request passes through
        *middlewares* as well, and each write, last of all, through the *fence*.
        """
        route, sockets = route or Route(), Sockets()
        make_connector = partial(FencedConnector, fence) if fence else aiohttp.TCPConnector
        session = aiohttp.ClientSession(
            connector=make_connector(
                limit=0,
                ssl=credentials.as_ssl_context(),
                keepalive_timeout=route.idle_seconds,
                socket_factory=sockets.make,
            ),
            headers={"User-Agent": agent},
            middlewares=(*middlewares, _Authorize(authorization)),
            trust_env=route.trust_env,
        )
        audiences = audiences_of(credentials.token or "")
        return cls(credentials.server.rstrip("/"), session, audiences, route, sockets)

    async def close(self) -> None:
        """Close every connection; the object cannot be used afterwards."""
        await self.session.close()
        await self.sockets.close()


class _Authorize:
    """Adds the Authorization header to each request; repeats, once, what was refused with 401."""

    def __init__(self, authorization: Authorization) -> None:
        self._authorization = authorization

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.update(await self._authorization.headers())
        response = await handler(request)
        # Nothing was done: even a write may be sent again.
        if response.status == 401 and await self._authorization.renew():
            response.close()
            request.headers.update(await self._authorization.headers())
            response = await handler(request)
        return response


class RereadToken:
    """The Authorization of credentials whose file on disk is renewed by another component."""

    def __init__(self, credentials: Credentials, find: FindCredentials) -> None:
        self._find = find
        self._headers = credentials.as_http_headers()
        self._read_at = time.monotonic()

    async def headers(self) -> Mapping[str, str]:
        """Return the headers, read again when they are old."""
        if self._headers and time.monotonic() - self._read_at > TOKEN_MAX_AGE:
            self._read()
        return self._headers

    async def renew(self) -> bool:
        """
        Read the token again; return whether that was possible.

        A leader whose token is refused for longer than its Lease lasts would have to end, although
        the next token is in the file already.
        """
        return self._read()

    def _read(self) -> bool:
        self._read_at = time.monotonic()
        try:
            self._headers = self._find().as_http_headers()
        except NoCredentials as error:
            log.warning("%s; going on with the token at hand", error)
            return False
        return True


def audiences_of(token: str) -> tuple[str, ...]:
    """Return the audiences and the issuer of *token*; empty where it is no JSON Web Token."""
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
    """The claims of a token that are read here."""

    aud: str | list[str] = ""
    iss: str = ""
