"""What a client makes of an API server that refuses its token, or cuts a list off."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest
from aiohttp import web

from mcpworkload.controller.children import CHILD_KINDS
from mcpworkload.kube.client import Api
from mcpworkload.kube.connection import Connection, NoCredentials, RereadToken
from mcpworkload.kube.errors import Unavailable
from mcpworkload.kube.lists import read_pages
from tests.support.fake_api import FakeApi


@dataclass(frozen=True)
class Token:
    """Credentials without TLS."""

    server: str
    token: str | None

    def as_ssl_context(self) -> ssl.SSLContext:
        """Any."""
        return ssl.create_default_context()

    def as_http_headers(self) -> Mapping[str, str]:
        """The token."""
        return {"Authorization": f"Bearer {self.token}"}


@asynccontextmanager
async def client(found: list[Token]) -> AsyncIterator[Api]:
    """A client with the first token that finds the others, one after the other."""

    def find() -> Token:
        if not found:
            raise NoCredentials("the file is gone")
        return found.pop(0)

    first = find()
    connection = Connection.open(first, RereadToken(first, find), "tests")
    try:
        yield Api(connection)
    finally:
        await connection.close()


async def test_a_refused_token_is_read_again_at_once() -> None:
    """The next one may be in the file already; the request is sent with it."""
    server = FakeApi([[]], accepted="new")
    async with server.serve() as url, client([Token(url, "old"), Token(url, "new")]) as api:
        await api.request("GET", "/api/v1/pods")

    assert server.requests == ["401", "LIST"]


async def test_a_token_that_is_refused_for_good_is_a_failure() -> None:
    """The request is repeated once, and not at all where there is no file any more."""
    server = FakeApi([[]], accepted="new")
    async with server.serve() as url, client([Token(url, "old"), Token(url, "old")]) as api:
        for _ in range(2):
            with pytest.raises(Unavailable) as failure:
                await api.request("GET", "/api/v1/pods")
            assert failure.value.status == 401

    assert server.requests == ["401"] * 3


PAGE = json.dumps({"metadata": {"resourceVersion": "7"}, "items": []})


@pytest.mark.parametrize(
    ("content", "kind"), [(PAGE[:-9], Unavailable), ('{"items": 3}', msgspec.ValidationError)]
)
async def test_a_page_that_cannot_be_read(content: str, kind: type[Exception]) -> None:
    """One that was cut off is asked for again; one of another shape would come again."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=content)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with client([Token(f"http://{host}:{port}", "any")]) as api:
            with pytest.raises(kind):
                _ = [page async for page in read_pages(api, CHILD_KINDS["Service"], None)]
    finally:
        await runner.cleanup()
