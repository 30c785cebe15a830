"""Attempts to get out of a pod: which to make, made by `servers/attempts.py` inside of it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.support.cluster import Cluster
from tests.support.servers import attempts

SOURCE = Path(attempts.__file__).read_text(encoding="utf-8")
PYTHON = ("python3", "-I", "-S", "-c")


class Attempt(NamedTuple):
    """One attempt; two are the same if everything about them is."""

    target: str
    protocol: str
    host: str
    port: int
    #: Whether the client asks the proxy that its environment names.
    is_aware: bool


def command_of(made: Iterable[Attempt]) -> list[str]:
    """The command that makes all of them at once inside a container."""
    return [*PYTHON, SOURCE, json.dumps(list(made))]


def read_outcomes(printed: str) -> dict[Attempt, str]:
    """What came of each attempt, from what the command printed."""
    lines = (json.loads(line) for line in printed.splitlines())
    return {Attempt(*attempt): outcome for *attempt, outcome in lines}


async def make_attempts(
    cluster: Cluster, namespace: str, pod: str, made: Iterable[Attempt], container: str = "mcp"
) -> dict[Attempt, str]:
    """
    What came of each attempt from a running container.

    Raises:
        ToolError: the container does not run, or has no Python.
    """
    where = ("exec", "--namespace", namespace, pod, f"--container={container}", "--")
    return read_outcomes(await cluster.kubectl(*where, *command_of(made)))
