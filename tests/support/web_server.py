"""An aiohttp application on a port of this machine."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def listening(
    app: web.Application, tls: ssl.SSLContext | None = None, *, notices: bool = False
) -> AsyncIterator[int]:
    """Give the port on which *app* answers; its handlers may notice when a client leaves."""
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=notices)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
