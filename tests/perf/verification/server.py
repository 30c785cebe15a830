"""
A server that costs next to nothing: fixed answers over plain asyncio, either era.

Usage: python -m tests.perf.verification.server modern | legacy. It prints its port, and counts the
sessions that are open at `GET /sessions`, and those that it told who it is at `GET /asked`.
"""

import asyncio
import sys

_CAPABILITIES = b'"capabilities":{},'
_INFO = b'{"name":"plain","version":"1.0"}'
_DISCOVERED = (
    b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],'
    + _CAPABILITIES
    + b'"_meta":{"io.modelcontextprotocol/serverInfo":'
    + _INFO
    + b"}}}"
)
_INITIALIZED = (
    b'{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25",'
    + _CAPABILITIES
    + b'"serverInfo":'
    + _INFO
    + b"}}"
)
_JSON = b"Content-Type: application/json\r\n"


class Plain:
    """Answers of one era."""

    def __init__(self, era: str) -> None:
        self.era = era
        self.open: set[bytes] = set()
        self.made = 0
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0].strip()
            body = await reader.readexactly(int(length or 0))
            writer.write(self._answer(head, body))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"GET /sessions"):
            return _http(b"200 OK", str(len(self.open)).encode())
        if head.startswith(b"DELETE"):
            self.open.discard(_session(head))
            return _http(b"200 OK")
        if head.startswith(b"GET /asked"):
            return _http(b"200 OK", str(self.asked).encode())
        if b'"server/discover"' in body:
            self.asked += self.era == "modern"
            if self.era == "modern":
                return _http(b"200 OK", _DISCOVERED)
            return _http(b"400 Bad Request", b'{"error":"no session"}')
        if b'"initialize"' in body and self.era == "legacy":
            self.made += 1
            self.asked += 1
            session = b"session-%d" % self.made
            self.open.add(session)
            return _http(b"200 OK", _INITIALIZED, b"Mcp-Session-Id: " + session + b"\r\n")
        return _http(b"202 Accepted" if b'"notifications/' in body else b"404 Not Found")


def _session(head: bytes) -> bytes:
    return head.lower().partition(b"mcp-session-id:")[2].split(b"\r\n")[0].strip()


def _http(status: bytes, body: bytes = b"", more: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + _JSON + length + more + b"\r\n" + body


async def main(era: str) -> None:
    """Serve until the end of standard input."""
    server = await asyncio.start_server(Plain(era).serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
