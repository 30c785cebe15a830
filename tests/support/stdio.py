"""Workloads whose servers speak stdin and stdout."""

from tests.support.kinds import Manifest
from tests.support.manifests import EVERYTHING, SMALL, make_workload

PYTHON = ("python", "-m", "mcp_server_time")
ENTRY = "/app/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
NODE = ("node", ENTRY, "stdio")
# Takes its time, so that somebody has always asked when a pod is told to end; told itself, it
# ends at once, whoever waits.
_SLOW = """
import asyncio, os, signal
from mcp.server import MCPServer
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server = MCPServer("slow")
@server.tool()
async def wait(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"
server.run("stdio")
"""


def make_stdio(name: str, image: str, *command: str, **spec: object) -> Manifest:
    """A workload whose server speaks stdio; without *command* its bridge has to attach."""
    fields = {
        "image": image,
        "replicas": 1,
        "transport": {"type": "stdio"},
        "terminationGracePeriodSeconds": 4,
        **({"command": list(command)} if command else {}),
        **spec,
    }
    return make_workload(name, **fields)


def make_time(name: str = "time", **spec: object) -> Manifest:
    """A server in Python that speaks both eras."""
    return make_stdio(name, SMALL, *PYTHON, **spec)


def make_slow(name: str = "slow", **spec: object) -> Manifest:
    """A server in Python with one tool, ``wait``."""
    return make_stdio(name, SMALL, "python", "-c", _SLOW, **spec)


def make_everything(name: str = "everything", **spec: object) -> Manifest:
    """A server in TypeScript that speaks the older era alone."""
    return make_stdio(name, EVERYTHING, *NODE, **spec)
