"""
The API server as tests see it: verbs on plain manifests.

It goes through the official client, with the rights of the kubeconfig's user, and shares
nothing with the operator's own way to the API server.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient

from tests.support.kinds import Manifest, path_of

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"
# The field manager of the person who writes manifests.
AUTHOR = "author"
REQUEST_SECONDS = 30.0
WATCH_SECONDS = 3600
CLOSE_SECONDS = 2.0


def open_sockets() -> int:
    """How many sockets this process has open."""
    links = (link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return sum(str(link).startswith("socket:") for link in links)


class RequestFailed(Exception):
    """The API server said no; *message* is its whole answer to the author of the request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Api:
    """Requests to the API server of the cluster under test."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, kubeconfig: str) -> AsyncIterator["Api"]:
        """A session with the credentials of *kubeconfig*."""
        before = open_sockets()
        client = await config.new_client_from_config(kubeconfig)
        async with client:
            yield cls(client)
        # A connection that was left in the middle of an answer takes a moment more to go; if the
        # loop ended before, some later test would be blamed for it.
        deadline = time.monotonic() + CLOSE_SECONDS
        while open_sockets() > before and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    async def request(
        self,
        method: str,
        path: str,
        body: Manifest | list[Manifest] | None = None,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Manifest:
        """
        The decoded answer.

        Raises:
            RequestFailed: any status but 2xx.
        """
        url = f"{self._client.configuration.host}{path}?{urlencode(query or {})}"
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        response = await self._client.call_api(
            method, url, headers, body, _request_timeout=REQUEST_SECONDS
        )
        content: bytes = await response.read()
        answer: Manifest = json.loads(content)
        if response.status // 100 != 2:
            raise RequestFailed(response.status, answer.get("message", content.decode()))
        return answer

    async def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """One object; None where there is none."""
        try:
            return await self.request("GET", path_of(kind, namespace, name))
        except RequestFailed as failure:
            if failure.status == 404:
                return None
            raise

    async def read_all(self, kind: str, namespace: str = "") -> list[Manifest]:
        """The objects of a namespace, or of the cluster."""
        items: list[Manifest] = (await self.request("GET", path_of(kind, namespace)))["items"]
        return items

    async def watch(self, kind: str, namespace: str) -> AsyncGenerator[Manifest]:
        """The objects of a namespace, then each of them whenever it changes, for an hour."""
        query = {"watch": "true", "timeoutSeconds": str(WATCH_SECONDS)}
        url = f"{self._client.configuration.host}{path_of(kind, namespace)}?{urlencode(query)}"
        headers = {"Accept": "application/json"}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], url, "GET", None)
        answer = await self._client.call_api("GET", url, headers, _request_timeout=WATCH_SECONDS)
        try:
            async for line in answer.response.content:
                yield json.loads(line)["object"]
        finally:
            answer.response.close()

    async def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object, or have it judged only."""
        metadata = manifest["metadata"]
        path = path_of(manifest["kind"], metadata.get("namespace", ""))
        query = {"fieldManager": AUTHOR, **({"dryRun": "All"} if dry_run else {})}
        return await self.request("POST", path, manifest, query=query)

    async def apply(self, manifest: Manifest) -> Manifest:
        """Apply a manifest the way `kubectl apply --server-side --force-conflicts` does."""
        metadata = manifest["metadata"]
        path = path_of(manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": AUTHOR, "force": "true"}
        return await self.request("PATCH", path, manifest, APPLY, query)

    async def patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        body: dict[str, Any],
        *,
        content_type: str = MERGE,
        subresource: str = "",
        manager: str = "somebody-else",
    ) -> Manifest:
        """Change some fields of an object, as another hand than its owner's."""
        path = path_of(kind, namespace, name, subresource)
        return await self.request("PATCH", path, body, content_type, {"fieldManager": manager})

    async def delete(
        self, kind: str, namespace: str, name: str, propagation: str = "Background"
    ) -> None:
        """Ask for the deletion of an object; it may take until later to be gone."""
        path, query = path_of(kind, namespace, name), {"propagationPolicy": propagation}
        await self.request("DELETE", path, query=query)
