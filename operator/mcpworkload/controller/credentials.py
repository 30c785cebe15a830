"""
The operator's credentials: a pod's ServiceAccount, else the kubeconfig's current context.

kopf finds both, and is in the operator's image anyway; the `kubernetes` package is not.
"""

import os
from dataclasses import replace

import aiohttp
import kopf

from mcpworkload import __version__
from mcpworkload.kube.connection import Connection, NoCredentials, RereadToken
from mcpworkload.kube.fence import Fence


def connect(*middlewares: aiohttp.ClientMiddlewareType, fence: Fence | None = None) -> Connection:
    """
    Return a connection with those credentials; each request passes through *middlewares*.

    Each write passes the *fence*, too, in the moment before it is sent.

    Raises:
        NoCredentials: none were found, or they cannot be read.
    """
    found = find_credentials()
    token = RereadToken(found, find_credentials)
    agent = f"mcpworkload-operator/{__version__}"
    return Connection.open(found, token, agent, *middlewares, fence=fence)


def find_credentials() -> kopf.ConnectionInfo:
    """
    Return the address of the API server, and the credentials for it.

    Raises:
        NoCredentials: there are none, or they cannot be read.
    """
    settings = kopf.OperatorSettings()
    try:
        in_pod = kopf.login_with_service_account(settings=settings)
        info = in_pod or kopf.login_with_kubeconfig(settings=settings)
    except (kopf.LoginError, OSError, ValueError, KeyError) as error:
        raise NoCredentials(f"the credentials cannot be read: {error}") from error
    if info is None:
        raise NoCredentials("no credentials: run in a pod, or set KUBECONFIG to a kubeconfig")
    if in_pod and (host := os.environ.get("KUBERNETES_SERVICE_HOST")):
        # kopf names the server; by its address the operator works also while the DNS does not.
        host = f"[{host}]" if ":" in host else host
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        return replace(info, server=f"https://{host}:{port}")
    return info
