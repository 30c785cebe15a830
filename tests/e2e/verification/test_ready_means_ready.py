"""Ready means that a tool call works now, on servers that open their port seconds before."""

import asyncio
import os
from collections.abc import Sequence

import pytest

from hack.kubectl import environment, program
from tests.support.api import RequestFailed
from tests.support.bridges import SERVERS
from tests.support.kinds import Manifest
from tests.support.manifests import SMALL, make_workload
from tests.support.namespace import Namespace
from tests.support.pod_proxy import ask_pod

ROUNDS = int(os.environ.get("VERIFY_ROUNDS", "5"))
SIDE_BY_SIDE = 10
EARLY_SECONDS = 3
WAIT_SECONDS = 120
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "echo", "arguments": {"text": "Now?"}},
}

# What it asks for is CPU: beside others, it would only wait.
pytestmark = [pytest.mark.alone, pytest.mark.timeout(60 + 40 * ROUNDS)]


def make_early(name: str, way: str) -> Manifest:
    """A server that has its port open, and refuses or hangs for a while."""
    script = (SERVERS / "early.py").read_text()
    command = ["python3", "-I", "-S", "-c", script, way, str(EARLY_SECONDS)]
    return make_workload(
        name, image=SMALL, command=command, replicas=1, terminationGracePeriodSeconds=1
    )


async def wait_and_call(namespace: Namespace, name: str) -> str:
    """What became of a call that was made as soon as kubectl had seen the workload Ready."""
    waiting = await asyncio.create_subprocess_exec(
        *(program(), "wait", "--for=condition=Ready", f"mcpworkload/{name}"),
        *("--namespace", namespace.name, f"--timeout={WAIT_SECONDS}s"),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    words, _ = await waiting.communicate()
    if waiting.returncode != 0:
        return words.decode()
    try:
        answer = await ask_pod(namespace, f"{name}-0", "/mcp", CALL)
    except RequestFailed as failure:
        return str(failure)
    return str(answer["result"]["content"][0]["text"])


async def one_round(namespace: Namespace, names: Sequence[str]) -> dict[str, str]:
    """What became of each of a few workloads; they are told to go afterwards."""
    for number, name in enumerate(names):
        await namespace.apply(make_early(name, ("refuses", "hangs")[number % 2]))
    said = await asyncio.gather(*(wait_and_call(namespace, name) for name in names))
    for name in names:
        await namespace.delete("MCPWorkload", name)
    return dict(zip(names, said, strict=True))


async def test_the_first_call_after_ready_succeeds(namespace: Namespace) -> None:
    """Each of them, whether its open port refused or hung before."""
    said: dict[str, str] = {}
    for number in range(ROUNDS):
        names = [f"early-{number}-{each}" for each in range(SIDE_BY_SIDE)]
        said |= await one_round(namespace, names)

    assert len(said) == ROUNDS * SIDE_BY_SIDE
    assert {name: words for name, words in said.items() if words != "Now?"} == {}
