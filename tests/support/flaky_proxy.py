"""A way to the API server that can be cut, as a network does it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import yaml


class FlakyProxy:
    """Passes bytes on to the API server of a kubeconfig, for one of its own."""

    def __init__(self, host: str, port: int) -> None:
        self.kubeconfig = ""
        self._target = host, port
        self._open: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, kubeconfig: str) -> AsyncIterator["FlakyProxy"]:
        """A way that lasts as long as the context; `kubeconfig` leads through it."""
        configuration = yaml.safe_load(await asyncio.to_thread(Path(kubeconfig).read_text))
        clusters = [entry["cluster"] for entry in configuration["clusters"]]
        url = urlsplit(clusters[0]["server"])
        assert url.hostname is not None
        wire = cls(url.hostname, url.port or 443)
        server = await asyncio.start_server(wire._pass, "127.0.0.1", 0)
        for entry in clusters:
            entry["server"] = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            entry["tls-server-name"] = url.hostname
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "kubeconfig"
            path.write_text(yaml.safe_dump(configuration))
            wire.kubeconfig = str(path)
            try:
                yield wire
            finally:
                server.close()
                wire.cut()

    def cut(self) -> None:
        """Break what is open; what is opened later works."""
        for writer in self._open:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._open |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, far_writer))
                group.create_task(_copy(far_reader, writer))
        finally:
            self._open -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # cut
    finally:
        writer.close()
