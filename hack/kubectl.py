"""kubectl, pointed at the cluster in use."""

import os
from functools import cache

from hack.cluster.choose import choose_cluster
from hack.cluster.tools import find_tool
from hack.terminal import COMMAND_TIMEOUT, run


@cache
def environment() -> dict[str, str]:
    """The environment in which kubectl finds the cluster in use."""
    return {**os.environ, "KUBECONFIG": str(choose_cluster().kubeconfig())}


@cache
def program() -> str:
    """The kubectl that goes with the cluster in use."""
    return str(find_tool("kubectl"))


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = COMMAND_TIMEOUT) -> str:
    """
    What kubectl printed.

    Raises:
        ToolError: in kubectl's words.
    """
    return run([program(), *arguments], stdin=stdin, env=environment(), timeout=timeout)
