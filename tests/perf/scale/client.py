"""A small client of the API for the benchmark itself; it shares no code with what is measured."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

ItemT = TypeVar("ItemT")

JSON = {"Content-Type": "application/json"}
MERGE = {"Content-Type": "application/merge-patch+json"}
_CONNECT_SECONDS = 5.0


class Refused(Exception):
    """The API server answered with an error; the message is its body."""


class Client:
    """Requests by their path; the user is that of a kubeconfig with a token."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, kubeconfig: Path) -> AsyncIterator["Client"]:
        """Yield a client with the server and the token of *kubeconfig*."""
        config = json.loads(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        async with aiohttp.ClientSession(
            base_url=cluster["server"],
            connector=aiohttp.TCPConnector(
                limit=0, ssl=ssl.create_default_context(cadata=authority)
            ),
            headers={"Authorization": f"Bearer {user['token']}", "User-Agent": "bench"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            read_bufsize=2**20,
        ) as session:
            yield cls(session)

    async def get(self, path: str, **params: str) -> Any:
        """Return the object at *path*; None where there is none."""
        async with self.session.get(path, params=params) as response:
            content = await response.read()
            return None if response.status == 404 else _decoded(response, content)

    async def create(self, path: str, body: str) -> None:
        """Create the object of that manifest."""
        async with self.session.post(path, data=body.encode(), headers=JSON) as response:
            _check(response, await response.read())

    async def merge(
        self, path: str, patch: dict[str, Any], headers: dict[str, str] = MERGE
    ) -> bool:
        """Change the object by a patch, a merge patch by default; return whether it exists."""
        data = json.dumps(patch).encode()
        async with self.session.patch(path, data=data, headers=headers) as response:
            content = await response.read()
            if response.status != 404:
                _check(response, content)
            return response.status != 404

    async def delete(self, path: str) -> None:
        """Delete the object; its dependents follow later."""
        async with self.session.delete(path) as response:
            content = await response.read()
            if response.status != 404:
                _check(response, content)


def _check(response: aiohttp.ClientResponse, content: bytes) -> None:
    if response.status >= 400:
        text = content.decode(errors="replace")[:1000]
        raise Refused(f"{response.method} {response.url.path}: {response.status} {text}")


def _decoded(response: aiohttp.ClientResponse, content: bytes) -> Any:
    _check(response, content)
    return json.loads(content)


async def for_each(
    items: Iterable[ItemT], action: Callable[[ItemT], Awaitable[object]], in_flight: int = 32
) -> None:
    """Carry out *action* for every item, that many at a time."""
    remaining = iter(items)

    async def work() -> None:
        for item in remaining:
            await action(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work())


async def paced(
    items: Iterable[ItemT], action: Callable[[ItemT], Awaitable[object]], rate: float
) -> None:
    """Begin *action* for *rate* items a second, whether or not the earlier ones have ended."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with asyncio.TaskGroup() as group:
        for number, item in enumerate(items):
            await asyncio.sleep(max(0.0, begin + number / rate - loop.time()))
            group.create_task(_call(action, item))


async def _call(action: Callable[[ItemT], Awaitable[object]], item: ItemT) -> None:
    await action(item)
