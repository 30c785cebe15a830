"""
A server that reads JSON leniently, and tells what it saw of each request.

Usage: lenient.py folds|first|last legacy|modern. ``folds`` takes names in any case, as Go does,
and the last of several; the others take the first or the last of two equal names.
"""

import json
import sys
import unicodedata
from typing import Any

READS, ERA = sys.argv[1:3]


def fold(name: str) -> str:
    """Return *name* as this server compares it."""
    return unicodedata.normalize("NFKC", name).casefold() if READS == "folds" else name


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object as this server sees them."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if READS != "first" or name not in found:
            found[fold(name)] = value
    return found


def send(message: Any) -> None:
    """Write one message."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def get(found: Any, name: str) -> Any:
    """Return a member of an object; None where it is none."""
    return found.get(fold(name)) if isinstance(found, dict) else None


def answer(number: Any, method: str, params: Any) -> None:
    """Answer a request, after a report of progress if one is asked for."""
    if method == "initialize" and ERA == "legacy":
        version = get(params, "protocolVersion")
        info = {"name": "lenient", "version": "1"}
        result: Any = {"protocolVersion": version, "capabilities": {}, "serverInfo": info}
    elif method == "server/discover" and ERA == "modern":
        result = {"supportedVersions": ["2026-07-28"], "capabilities": {}, "ttlMs": 0,
                  "cacheScope": "private", "resultType": "complete"}  # fmt: skip
    elif method == "tools/call":
        token = get(get(params, "_meta"), "progressToken")
        if token is not None:
            progress = {"progressToken": token, "progress": 1}
            send({"method": "notifications/progress", "params": progress})
        text = json.dumps({"cancelled": CANCELLED, "argument": get(params, "arguments")})
        result = {"content": [{"type": "text", "text": text}], "resultType": "complete"}
    else:
        send({"id": number, "error": {"code": -32601, "message": "no such method"}})
        return
    if get(get(params, "arguments"), "wait"):
        WAITING.append((number, result))
        return
    send({"id": number, "result": result})
    if get(get(params, "arguments"), "last"):
        while WAITING:
            number, result = WAITING.pop()
            send({"id": number, "result": result})


CANCELLED: list[Any] = []
WAITING: list[tuple[Any, Any]] = []


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        message = json.loads(line, object_pairs_hook=members)
        method, number = get(message, "method"), get(message, "id")
        if method == "notifications/cancelled":
            CANCELLED.append(get(get(message, "params"), "requestId"))
        elif number is not None and isinstance(method, str):
            answer(number, method, get(message, "params"))


if __name__ == "__main__":
    main()
