"""Requests to a pod through the API server: there at once, and from wherever the tests run."""

from typing import Any

from tests.support.kinds import Manifest
from tests.support.namespace import Namespace

#: That of a workload that names none.
PORT = 8080


async def ask_pod(
    namespace: Namespace, pod: str, path: str, message: Manifest | None = None
) -> Any:
    """
    What *pod* answers to a GET of *path*, or to a POST of *message*.

    Raises:
        RequestFailed: any status but 2xx, the pod's or the API server's.
    """
    place = f"/api/v1/namespaces/{namespace.name}/pods/{pod}:{PORT}/proxy{path}"
    method = "GET" if message is None else "POST"
    return await namespace.api.request(method, place, message)
