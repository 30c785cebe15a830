"""
HTTP sessions with the API server.

Where the credentials are is kopf's knowledge (a pod's ServiceAccount, else the kubeconfig's
current context); that a ServiceAccount's token is renewed on disk every hour is ours.
"""

import base64
import logging
import os
import time
from dataclasses import dataclass, replace

import aiohttp
import kopf
import msgspec

from mcpworkload import __version__
from mcpworkload.errors import OperatorError

log = logging.getLogger(__name__)

# The kubelet renews a token long before it expires; a minute's delay in noticing is harmless.
TOKEN_MAX_AGE = 60.0
# Longer than the server's keep-alive would only meet closed connections.
IDLE_CONNECTION_SECONDS = 60.0


class NoCredentials(OperatorError):
    """Neither a pod's ServiceAccount nor a kubeconfig was found."""


@dataclass(frozen=True)
class Connection:
    """The API server's address and a session that is authorized to talk to it."""

    server: str
    session: aiohttp.ClientSession
    #: For whom the tokens are that the API server takes, as far as our own says so.
    audiences: tuple[str, ...] = ()

    @classmethod
    def open(cls, *middlewares: aiohttp.ClientMiddlewareType) -> "Connection":
        """
        A connection with the credentials at hand; close it with `close`.

        Each request passes through *middlewares* as well.

        Raises:
            NoCredentials: none were found, or they cannot be read.
        """
        info = _find_credentials()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=info.as_ssl_context(), keepalive_timeout=IDLE_CONNECTION_SECONDS
            ),
            headers={"User-Agent": f"mcpworkload-operator/{__version__}"},
            middlewares=(*middlewares, _Authorization(info)),
        )
        return cls(info.server.rstrip("/"), session, audiences_of(info.token or ""))

    async def close(self) -> None:
        """Close every connection; the object is of no use afterwards."""
        await self.session.close()


class _Authorization:
    """Adds the Authorization header to each request, read anew when it has aged."""

    def __init__(self, info: kopf.ConnectionInfo) -> None:
        self._headers = info.as_http_headers()
        self._read_at = time.monotonic()

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._headers and time.monotonic() - self._read_at > TOKEN_MAX_AGE:
            self._read_at = time.monotonic()
            try:
                self._headers = _find_credentials().as_http_headers()
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


def _find_credentials() -> kopf.ConnectionInfo:
    settings = kopf.OperatorSettings()
    try:
        in_pod = kopf.login_with_service_account(settings=settings)
        info = in_pod or kopf.login_with_kubeconfig(settings=settings)
    except (kopf.LoginError, OSError, ValueError, KeyError) as error:
        raise NoCredentials(f"the credentials cannot be read: {error}") from error
    if info is None:
        raise NoCredentials("no credentials: run in a pod, or set KUBECONFIG to a kubeconfig")
    if in_pod and (host := os.environ.get("KUBERNETES_SERVICE_HOST")):
        # kopf names the server; its address keeps us working while the cluster's DNS does not.
        host = f"[{host}]" if ":" in host else host
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        return replace(info, server=f"https://{host}:{port}")
    return info
