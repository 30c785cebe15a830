"""
A server of sessions, or of requests that stand alone, whose lists are what its argument asks for.

The argument is a JSON object. `tools`, `prompts` and `resources`: how many; `page`: so many on each
page; `size`: bytes of a tool's description; `cycle`: the last page leads to the first; `hangs`,
`refuses`: methods; `seconds`: so long takes each list; `is_modern`. A line for each start and each
message goes to the file `record`.
"""

import json
import sys
import time
from typing import Any

OPTIONS: dict[str, Any] = json.loads(sys.argv[1])
KINDS = ("tools", "prompts", "resources")


def note(text: str) -> None:
    """Add a line to the record."""
    if "record" in OPTIONS:
        with open(OPTIONS["record"], "a") as file:  # noqa: PTH123 - pathlib costs start time
            file.write(f"{text}\n")


def send(message: Any) -> None:
    """Write one message."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def page(kind: str, params: Any) -> Any:
    """Return one page of a list."""
    count, size = OPTIONS[kind], OPTIONS.get("page", 1000)
    first = int(params.get("cursor", 0))
    last = min(first + size, count)
    text = "x" * OPTIONS.get("size", 10)
    items = [{"name": f"{kind}-{number}", "description": text} for number in range(first, last)]
    following = str(last if last < count else 0)
    more = {"nextCursor": following} if last < count or OPTIONS.get("cycle") else {}
    return {kind: items, **more, "resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


def result(method: str, params: Any) -> Any:
    """Return the result of a request; None where it is an error."""
    capabilities: Any = {kind: {} for kind in KINDS if kind in OPTIONS}
    info = {"name": "listed", "version": "1"}
    is_modern = OPTIONS.get("is_modern", False)
    if method == "initialize" and not is_modern:
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
    if method == "server/discover" and is_modern:
        return {"supportedVersions": ["2026-07-28"], "capabilities": capabilities}
    if method in OPTIONS.get("refuses", ()):
        return None
    if method.endswith("/list"):
        time.sleep(OPTIONS.get("seconds", 0))
        return page(method.partition("/")[0], params)
    if method == "tools/call":
        send({"method": "notifications/tools/list_changed"})
        return {"content": []}
    return None


def main() -> None:
    """Serve until the input ends."""
    note("start")
    for line in sys.stdin:
        message = json.loads(line)
        method = message.get("method", "")
        note(method)
        if method in OPTIONS.get("hangs", ()):
            continue
        if "id" in message:
            found = result(method, message.get("params") or {})
            error = {"error": {"code": -32601, "message": "no"}}
            send({"id": message["id"], **(error if found is None else {"result": found})})


if __name__ == "__main__":
    main()
