"""
A server of sessions that starts processes in one of the ways in which they outlive a parent.

Usage: parent.py WAY [WAY...] ends|crashes|dies|lingers. Each process is one of `helper` below,
which ignores what can be ignored; its number is printed to standard error.
"""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

HELPER = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
print("helper", os.getpid(), file=sys.stderr, flush=True)
devnull = os.open("/dev/null", os.O_RDWR)
for stream in (0, 1, 2):
    os.dup2(devnull, stream)
if "forks" in sys.argv:
    # Always another one: whoever looks finds it gone, and its child there.
    for _ in range(100_000):
        time.sleep(0.05)
        if os.fork():
            os._exit(0)
time.sleep(600)
"""


def helper(*arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Start one."""
    program = [sys.executable, "-S", "-I", "-c", HELPER, *arguments]
    return subprocess.Popen(program, stdin=subprocess.DEVNULL, **options)


def daemon(*, environment: Any = None) -> None:
    """Start one of a parent that is gone, in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        helper(env=environment)
        os._exit(0)
    os.wait()


WAYS: dict[str, Any] = {
    "group": helper,
    "setsid": lambda: helper(start_new_session=True),
    "setpgid": lambda: helper(process_group=0),
    "daemon": daemon,
    "bare": lambda: daemon(environment={}),
    "forks": lambda: helper("forks", start_new_session=True),
    "shell": lambda: subprocess.run(
        ["sh", "-c", 'set -m; env -i "$@" & disown 2>/dev/null; exit 0', "sh",
         sys.executable, "-S", "-I", "-c", HELPER], check=True,
    ),
}  # fmt: skip


def send(number: Any, **what: Any) -> None:
    """Answer a request."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": number, **what}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until told to end in the way asked for."""
    *ways, end = sys.argv[1:]
    for way in ways:
        WAYS[way]()
    for line in sys.stdin:
        message = json.loads(line)
        method = message.get("method")
        if method == "initialize":
            version = message["params"]["protocolVersion"]
            info = {"name": "parent", "version": "1"}
            result = {"protocolVersion": version, "capabilities": {}, "serverInfo": info}
            send(message["id"], result=result)
        elif method == "server/discover":
            error = {"code": -32601, "message": "no such method"}
            send(message["id"], error=error)
        elif method == "tools/call":
            if end == "crashes":
                raise SystemExit(3)
            if end == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            send(message["id"], result={"pid": os.getpid()})
    if end == "lingers":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)


main()
