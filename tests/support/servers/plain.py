"""
A server without an SDK, which starts fast and misbehaves on demand.

Usage: plain.py legacy|modern|dual|mute [--die-after N FILE CODE]. ``mute`` answers nothing but
``initialize``. Tools do what their name says; each call is a thread, so that calls overlap.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

OUTPUT = threading.Lock()
ERA = sys.argv[1]
#: What clients answered, by the id of our request; who waits for it.
ANSWERS: dict[str, Any] = {}
ANSWERED = threading.Condition()
CANCELLED: list[Any] = []
SEEN: list[str] = []
#: The ids of requests, in the order in which they came.
NUMBERS: list[Any] = []
SUBSCRIPTIONS: dict[Any, Any] = {}

VERSION = "io.modelcontextprotocol/protocolVersion"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


def send(message: Any) -> None:
    """Write one message."""
    write(json.dumps({"jsonrpc": "2.0", **message}))


def write(line: str) -> None:
    """Write one line."""
    with OUTPUT:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def answer(number: Any, result: Any) -> None:
    """Answer a request."""
    send({"id": number, "result": {"resultType": "complete", **result}})


def refuse(number: Any, code: int, text: str, data: Any = None) -> None:
    """Answer a request with an error."""
    send({"id": number, "error": {"code": code, "message": text, "data": data}})


def say(what: Any) -> Any:
    """Return a tool's result."""
    return {"content": [{"type": "text", "text": what if type(what) is str else json.dumps(what)}]}


def call(number: Any, params: Any) -> None:
    """Do what a tool's name says."""
    name = params.get("name") if isinstance(params, dict) else None
    trick = TRICKS.get(str(name))
    if trick is None:
        refuse(number, -32602, f"no tool {name}")
        return
    result = trick(number, params, params.get("arguments") or {})
    if result is not None:
        answer(number, result if type(result) is dict else say(result))


def echo(_number: Any, params: Any, arguments: Any) -> Any:
    """Tell what came, and who tells."""
    return {**say(arguments.get("text", "")), "pid": os.getpid(), "got": params}


def sleep(number: Any, params: Any, arguments: Any) -> Any:
    """Report progress, wait, and answer unless cancelled."""
    token = (params.get("_meta") or {}).get("progressToken")
    for step in range(arguments.get("steps", 0)):
        send(progress(token, step + 1))
    time.sleep(arguments["seconds"])
    return None if number in CANCELLED else "slept"


def leave(_number: Any, _params: Any, arguments: Any) -> Any:
    """Exit, with some last words."""
    sys.stderr.write("last words\n")
    sys.stderr.flush()
    os._exit(arguments["code"])


def kill(_number: Any, _params: Any, arguments: Any) -> Any:
    """Die of a signal."""
    os.kill(os.getpid(), getattr(signal, arguments["signal"]))


def log(_number: Any, _params: Any, arguments: Any) -> Any:
    """Send log messages."""
    for line in range(arguments.get("lines", 1)):
        data = f"{arguments.get('text', 'line')} {line}"
        send({"method": "notifications/message", "params": {"level": "info", "data": data}})
    return "logged"


def garbage(_number: Any, _params: Any, arguments: Any) -> Any:
    """Write lines as they are."""
    for line in arguments["lines"]:
        write(line)
    return "written"


def late(number: Any, params: Any, arguments: Any) -> Any:
    """Write lines when the call is over."""
    answer(number, say("soon"))
    time.sleep(0.1)
    garbage(number, params, arguments)


def orphan(_number: Any, _params: Any, _arguments: Any) -> Any:
    """Leave a process without a parent."""
    script = "import subprocess; subprocess.Popen(['sleep', '0.2'])"
    subprocess.run([sys.executable, "-c", script], check=True)
    return "left"


def change(_number: Any, _params: Any, _arguments: Any) -> Any:
    """Let all subscribers know of a change."""
    for subscription in list(SUBSCRIPTIONS):
        meta: Any = {"_meta": {SUBSCRIPTION: subscription}}
        send({"method": "notifications/tools/list_changed", "params": meta})
    return "changed"


def progress(token: Any, step: int) -> Any:
    """Return a progress notification."""
    return {
        "method": "notifications/progress",
        "params": {"progressToken": token, "progress": step},
    }


def ask(method: str) -> Any:
    """Ask whoever is there; return the answer."""
    number = f"ask-{time.monotonic_ns()}"
    send({"id": number, "method": method, "params": {"messages": [], "maxTokens": 1}})
    with ANSWERED:
        ANSWERED.wait_for(lambda: number in ANSWERS, timeout=5)
    return ANSWERS.get(number, "nobody answered")


TRICKS: dict[str, Any] = {
    "echo": echo,
    "sleep": sleep,
    "exit": leave,
    "kill": kill,
    "ask": lambda _n, _p, arguments: say(ask(arguments.get("method", "sampling/createMessage"))),
    "log": log,
    "big": lambda _n, _p, arguments: "x" * arguments["size"],
    "garbage": garbage,
    "late": late,
    # Whoever calls this is not read any more, see main().
    "deaf": lambda _n, _p, _a: "what?",
    "orphan": orphan,
    "seen": lambda _n, _p, _a: say({"seen": SEEN, "cancelled": CANCELLED, "numbers": NUMBERS}),
    "change": change,
}


def listen(number: Any, params: Any) -> None:
    """Open a subscription, which only a cancellation ends."""
    SUBSCRIPTIONS[number] = params
    acknowledged: Any = {
        "notifications": params.get("notifications"),
        "_meta": {SUBSCRIPTION: number},
    }
    send({"method": "notifications/subscriptions/acknowledged", "params": acknowledged})


def request(number: Any, method: str, params: Any, era: str) -> None:
    """Answer a request, in the era that the first one was of."""
    if method == "initialize" and era == "legacy":
        version = params["protocolVersion"]
        capabilities = {"tools": {}, "logging": {}, "resources": {"subscribe": True}}
        info = {"name": "plain", "version": "1"}
        result: Any = {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
        send({"id": number, "result": result})
    elif method == "initialize":
        refuse(number, -32022, "no sessions", {"supported": ["2026-07-28"]})
    elif method == "server/discover" and era == "modern":
        stamp = {"io.modelcontextprotocol/serverInfo": {"name": "plain", "version": "1"}}
        versions: Any = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
        answer(number, {**versions, "ttlMs": 0, "cacheScope": "private", "_meta": stamp})
    elif method == "tools/list":
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in TRICKS]
        answer(number, {"tools": tools, "ttlMs": 0, "cacheScope": "private"})
    elif method == "tools/call":
        threading.Thread(target=call, args=(number, params), daemon=True).start()
    elif method == "subscriptions/listen":
        listen(number, params)
    elif method in ("ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"):
        send({"id": number, "result": {}})
    else:
        refuse(number, -32601, f"no method {method}")


def main() -> None:
    """Serve until the input ends."""
    die_at_start()
    era = None if ERA == "dual" else "legacy" if ERA == "mute" else ERA
    for line in sys.stdin:
        message = json.loads(line)
        method = message.get("method")
        SEEN.append(method or "response")
        if method is not None and "id" in message:
            NUMBERS.append(message["id"])
        if era is None:
            era = "modern" if VERSION in line else "legacy"
        if method is None:
            with ANSWERED:
                ANSWERS[message["id"]] = message.get("result", message.get("error"))
                ANSWERED.notify_all()
        elif method == "notifications/cancelled":
            cancelled = (message.get("params") or {}).get("requestId")
            CANCELLED.append(cancelled)
            SUBSCRIPTIONS.pop(cancelled, None)
        elif method == "stall":
            time.sleep(60)
        elif "id" in message and (ERA != "mute" or SEEN[0] == "initialize"):
            try:
                request(message["id"], method, message.get("params") or {}, era)
            except (AttributeError, KeyError, TypeError) as error:
                refuse(message["id"], -32602, repr(error))
            if '"deaf"' in line:
                time.sleep(60)


def die_at_start() -> None:
    """Exit at the first N starts, counted in a file."""
    if "--die-after" not in sys.argv:
        return
    most, path, code = sys.argv[sys.argv.index("--die-after") + 1 :][:3]
    with open(path, "a") as file:  # noqa: PTH123 - pathlib costs start time
        file.write("x")
    if os.path.getsize(path) <= int(most):  # noqa: PTH202
        sys.stderr.write("cannot open the database\n")
        os._exit(int(code))


if __name__ == "__main__":
    main()
