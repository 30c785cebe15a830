"""
The program that an image starts, read from its registry by OCI distribution, without credentials.

A convenience only: it returns within seconds or fails, and cannot read private registries.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

SECONDS = 5.0
# A config is some kilobytes; a larger answer is cut off here, and then refused.
_MAX_BYTES = 4_000_000
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_HUB = "docker.io"
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class ImageUnreadable(Exception):
    """The registry gave no answer, or has no such image for us; the message is one line."""


@dataclass(frozen=True)
class Program:
    """The program that an image starts: its ENTRYPOINT and its CMD."""

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """The address of an image: `registry/repository:tag` or `@digest`."""

    registry: str
    repository: str
    version: str

    @property
    def root(self) -> str:
        """The URL of its registry's API; a registry of this machine speaks plain HTTP."""
        host = "registry-1.docker.io" if self.registry == _HUB else self.registry
        is_here = host.partition(":")[0] in ("localhost", "127.0.0.1")
        return f"{'http' if is_here else 'https'}://{host}/v2/{self.repository}"


def parse(image: str) -> Reference:
    """Return the parts of *image*, as a container runtime reads them."""
    name, _, digest = image.partition("@")
    first, separator, rest = name.partition("/")
    has_registry = bool(separator) and ("." in first or ":" in first or first == "localhost")
    registry, path = (first, rest) if has_registry else (_HUB, name)
    path, _, tag = path.partition(":")
    if registry == _HUB and "/" not in path:
        path = f"library/{path}"
    return Reference(registry, path, digest or tag or "latest")


def read_program(image: str) -> Program:
    """
    Return entry point and arguments of *image*, for Linux.

    Raises:
        ImageUnreadable: in all cases but success, after some seconds at most.
    """
    reference = parse(image)
    try:
        return asyncio.run(_read(reference))
    except TimeoutError:
        raise ImageUnreadable(f"{reference.registry} does not answer") from None
    except aiohttp.ClientError as error:
        raise ImageUnreadable(f"{reference.registry} cannot be reached: {error}") from None
    except (ValueError, LookupError, TypeError):
        raise ImageUnreadable(f"{reference.registry} answers without an image") from None


async def _read(reference: Reference) -> Program:
    async with asyncio.timeout(SECONDS), aiohttp.ClientSession(trust_env=True) as session:
        registry = _Registry(session, reference)
        manifest = await registry.get("manifests", reference.version)
        if "manifests" in manifest:
            manifest = await registry.get("manifests", _for_linux(manifest["manifests"]))
        config = (await registry.get("blobs", manifest["config"]["digest"])).get("config") or {}
    return Program(tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ()))


def _for_linux(manifests: list[dict[str, Any]]) -> str:
    """Return the digest of one for Linux; the program's name is the same on each architecture."""
    for manifest in manifests:
        if manifest.get("platform", {}).get("os") == "linux":
            return str(manifest["digest"])
    raise LookupError("no image for Linux")


class _Registry:
    """One repository of a registry, with the anonymous token that it may ask for."""

    def __init__(self, session: aiohttp.ClientSession, reference: Reference) -> None:
        self._session = session
        self._reference = reference
        self._headers = {"Accept": ", ".join((*_INDEXES, *_MANIFESTS))}

    async def get(self, kind: str, version: str) -> dict[str, Any]:
        """Return a manifest or a blob, as JSON."""
        url = f"{self._reference.root}/{kind}/{version}"
        status, challenge, content = await self._fetch(url)
        if status == 401:
            self._headers["Authorization"] = f"Bearer {await self._token(challenge)}"
            status, _, content = await self._fetch(url)
        if status in (401, 403, 404):
            raise ImageUnreadable(
                f"image not found in {self._reference.registry}, or it needs a login"
            )
        if status != 200:
            raise ImageUnreadable(f"{self._reference.registry} answers with HTTP {status}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    async def _fetch(self, url: str) -> tuple[int, str, bytes]:
        async with self._session.get(url, headers=self._headers) as response:
            content = await response.content.read(_MAX_BYTES)
            while len(content) < _MAX_BYTES and (more := await response.content.read(_MAX_BYTES)):
                content += more
            return response.status, response.headers.get("WWW-Authenticate", ""), content

    async def _token(self, challenge: str) -> str:
        """Return the token that the registry's *challenge* asks for."""
        parameters = dict(_PARAMETER.findall(challenge))
        realm = parameters.pop("realm")
        if not realm.startswith(self._reference.root.partition("://")[0]):
            raise ImageUnreadable(f"{self._reference.registry} sends us to {realm}")
        async with self._session.get(f"{realm}?{urlencode(parameters)}") as response:
            answer = await response.json(content_type=None)
        return str(answer.get("token") or answer["access_token"])
