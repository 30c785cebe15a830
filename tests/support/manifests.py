"""Manifests for tests; each takes only what the test is about."""

from typing import Any

from hack.images import catalog
from tests.support.kinds import Manifest, api_version

EVERYTHING = catalog.reference(catalog.by_name("everything"), "")
# Holds a Python interpreter, starts fast, and is loaded by `make images`.
SMALL = catalog.reference(catalog.by_name("time"), "")
# One static file over stdio, started by its entrypoint: see hack/images/static/server.c.
STATIC = catalog.reference(catalog.by_name("static"), "")

# Ready as soon as anything can be: without site and its imports, fifty of these start on two
# cores within a minute.
_LISTENER = """
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
server = socket.create_server(("", 8080))
while True:
    server.accept()[0].close()
"""
LISTEN = ["python3", "-I", "-S", "-c", _LISTENER]


def make_object(kind: str, name: str, **parts: Any) -> Manifest:
    """An object of any kind."""
    return {"apiVersion": api_version(kind), "kind": kind, "metadata": {"name": name}, **parts}


def make_workload(name: str = "weather", **spec: Any) -> Manifest:
    """
    A workload without pods: what is tested is what the operator writes, not what runs.

    *spec* goes over the spec, field by field; None takes a field out.
    """
    fields = {
        "image": SMALL,
        "transport": {"type": "streamable-http"},
        "replicas": 0,
        **spec,
    }
    present = {key: value for key, value in fields.items() if value is not None}
    return make_object("MCPWorkload", name, spec=present)


def make_running_workload(name: str = "weather", **spec: Any) -> Manifest:
    """A workload whose pod opens its port at once, serves nothing, and ends when told to."""
    fields = {
        "replicas": 1,
        "command": LISTEN,
        # No pause before the end: no client is there to be spared.
        "terminationGracePeriodSeconds": 1,
        # It is no MCP server.
        "verification": {"mode": "Off"},
        **spec,
    }
    return make_workload(name, **fields)
