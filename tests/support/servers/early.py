"""
A small server that opens its port before it can answer; only the standard library.

Usage: early.py refuses|hangs SECONDS. Until so many seconds after its port was opened it answers
503, or nothing at all. It speaks 2026-07-28, and has the tool `echo`.
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = "2026-07-28"
SERVER = {"io.modelcontextprotocol/serverInfo": {"name": "early", "version": "1"}}
DONE = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "_meta": SERVER}
ECHO = {
    "name": "echo",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
}
BEGIN = time.monotonic()


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result of a request, None where there is no such method."""
    if method == "server/discover":
        return {"supportedVersions": [VERSION], "capabilities": {"tools": {}}}
    if method == "tools/list":
        return {"tools": [ECHO]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": params["arguments"]["text"]}]}
    return None


class Handler(BaseHTTPRequestHandler):
    """Answers one request after the other of a connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a message."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if time.monotonic() < BEGIN + float(sys.argv[2]):
            self.send(503, {"message": "starting"})
            return
        asked = json.loads(body)
        result = result_of(asked["method"], asked.get("params", {}))
        answer = {"jsonrpc": "2.0", "id": asked.get("id")}
        if result is None:
            error = {"code": -32601, "message": "Method not found"}
            self.send(404, {**answer, "error": error})
        else:
            self.send(200, {**answer, "result": {**DONE, **result}})

    def send(self, status: int, answer: dict[str, Any]) -> None:
        """Send a whole answer."""
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Keeps the probes of the kubelet waiting, as many as come."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Listen, and begin to answer in one of the two ways."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = Server(("", int(os.environ["PORT"])), Handler)
    if sys.argv[1] == "hangs":
        # The kernel accepts for it meanwhile.
        time.sleep(max(0.0, BEGIN + float(sys.argv[2]) - time.monotonic()))
    server.serve_forever()


main()
