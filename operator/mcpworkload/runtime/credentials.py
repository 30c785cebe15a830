"""Credentials as the `kubernetes` package has them: exec plugins, proxies, TLS options."""

import ssl
from collections.abc import Mapping

from kubernetes.aio.client import ApiClient, Configuration

from mcpworkload import __version__
from mcpworkload.kube.connection import Connection, Route
from mcpworkload.runtime.environment import Environment

_CONNECT_SECONDS = 10.0
# Between us and the API server may be load balancers that forget silent connections soon.
_IDLE_SECONDS = 15.0


class OfficialCredentials:
    """
    The Credentials of a configuration of the `kubernetes` package, and their Authorization.

    *environment* is where the configuration came from, and is asked again when the API server
    no longer takes a token; without it nothing is renewed.
    """

    def __init__(self, configuration: Configuration, environment: Environment | None) -> None:
        self._client = ApiClient(configuration)
        self._environment = environment
        self._headers: dict[str, str] = {}
        self._connection: Connection | None = None

    def connect(self) -> Connection:
        """Return a connection with these credentials; `close` closes it."""
        configuration = self._client.configuration
        route = Route(
            proxy=self._client.rest_client.proxy,
            trust_env=True,
            server_hostname=configuration.tls_server_name,
            connect_seconds=_CONNECT_SECONDS,
            idle_seconds=_IDLE_SECONDS,
        )
        self._connection = Connection.open(self, self, f"mcpworkload/{__version__}", route=route)
        return self._connection

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
        await self._client.close()

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return str(self._client.configuration.host)

    @property
    def token(self) -> str | None:
        """The bearer token: what is renewed is not asked for its audiences."""
        return None

    def as_ssl_context(self) -> ssl.SSLContext:
        """Return the TLS context for the server, the client's certificate included."""
        context: ssl.SSLContext = self._client.rest_client.ssl_context
        return context

    def as_http_headers(self) -> Mapping[str, str]:
        """Return the headers that authorized the last request."""
        return dict(self._headers)

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the next request; the package renews tokens whose end it knows."""
        headers: dict[str, str] = {}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        self._headers = headers
        return headers

    async def renew(self) -> bool:
        """
        Load the credentials anew: a token may have expired that a plugin of the kubeconfig renews.

        Raises:
            RuntimeUnavailable: there is no usable configuration any more.
        """
        if self._environment is None:
            return False
        await self._environment.load(self._client.configuration)
        return True
