"""
A server that only answers, as fast as Python can: what is measured around it is the way to it.

Speaks the era that its first message is of, and ends with its input.
"""

import json
import sys
from typing import Any

VERSION = "io.modelcontextprotocol/protocolVersion"


def result(message: Any) -> Any:
    """Return what answers *message*, if it wants an answer."""
    method, params = message.get("method"), message.get("params") or {}
    assert isinstance(params, dict)
    info = {"name": "echo", "version": "1"}
    if method == "tools/call":
        text = params.get("arguments", {}).get("text", "")
        return {"content": [{"type": "text", "text": text}], "resultType": "complete"}
    if method == "initialize":
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "server/discover":
        stamp = {"io.modelcontextprotocol/serverInfo": info}
        versions = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
        return {**versions, "ttlMs": 0, "cacheScope": "private", "resultType": "complete",
                "_meta": stamp}  # fmt: skip
    if method == "tools/list":
        schema = {"type": "object", "properties": {"text": {"type": "string"}}}
        tools = [{"name": "echo", "description": "Echo", "inputSchema": schema}]
        return {"tools": tools, "ttlMs": 0, "cacheScope": "private", "resultType": "complete"}
    return {}


def main() -> None:
    """Answer until the input ends."""
    era = None
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        if era is None:
            is_modern = VERSION in (message.get("params", {}).get("_meta") or {})
            era = "modern" if is_modern else "legacy"
        if (message["method"] == "server/discover") != (era == "modern") and message["method"] in (
            "server/discover",
            "initialize",
        ):
            answer: Any = {"error": {"code": -32601, "message": "another era"}}
        else:
            answer = {"result": result(message)}
        answer = {"jsonrpc": "2.0", "id": message["id"], **answer}
        sys.stdout.buffer.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
