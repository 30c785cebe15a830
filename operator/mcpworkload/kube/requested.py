"""What a request to the API server is about, in Kubernetes' words, and who counts it."""

from collections.abc import Callable
from typing import Final

import aiohttp

_ROOTS: Final = {"api": 2, "apis": 3}
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch"}
#: The code of a request that no response came to.
NO_RESPONSE: Final = "none"

#: Receives the verb, the resource, the HTTP status and the seconds of one request.
Requested = Callable[[str, str, str, float], None]


class CountRequests:
    """
    The middleware that reports each request, whether a response comes to it or not.

    The first middleware of a session sees what its caller sees: a request that the next ones repeat
    is one. The seconds end with the head of the response.
    """

    def __init__(self, requested: Requested, monotonic: Callable[[], float]) -> None:
        self._requested = requested
        self._monotonic = monotonic

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Return the response to *request*."""
        begin, code = self._monotonic(), NO_RESPONSE
        try:
            response = await handler(request)
            code = str(response.status)
            return response
        finally:
            url = request.url
            verb, resource = read_request(request.method, url.raw_path, url.raw_query_string)
            self._requested(verb, resource, code, self._monotonic() - begin)


def read_request(method: str, path: str, query: str) -> tuple[str, str]:
    """
    Return the verb and the resource of a request, such as ("patch", "mcpworkloads/status").

    Neither has the name of an object, so there are few. What is no resource, such as `/version`,
    goes by the first part of its path.
    """
    parts = path.strip("/").split("/")
    # An address may have a path of its own in front, as a proxy's has.
    start = next((place for place, part in enumerate(parts) if part in _ROOTS), None)
    if start is None:
        return "get", parts[-1]
    below = parts[start + _ROOTS[parts[start]] :]
    if below[:1] == ["namespaces"] and len(below) > 2:
        below = below[2:]
    if not below:
        return "get", "discovery"
    resource = f"{below[0]}/{below[2]}" if len(below) > 2 else below[0]
    return _verb_of(method, query, is_named=len(below) > 1), resource


def _verb_of(method: str, query: str, *, is_named: bool) -> str:
    if method == "GET":
        is_watch = query.startswith("watch=") or "&watch=" in query
        return "watch" if is_watch else "get" if is_named else "list"
    if method == "DELETE":
        return "delete" if is_named else "deletecollection"
    return _VERBS.get(method, method.lower())
