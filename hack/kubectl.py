"""kubectl, pointed at the cluster in use."""

import os
from functools import cache

from hack.cluster.choose import choose_cluster
from hack.cluster.tools import find_tool
from hack.terminal import COMMAND_TIMEOUT, run


@cache
def environment() -> dict[str, str]:
    """Return the environment in which kubectl finds the cluster in use."""
    return {**os.environ, "KUBECONFIG": str(choose_cluster().kubeconfig())}


@cache
def program() -> str:
    """Return the kubectl that goes with the cluster in use."""
    return str(find_tool("kubectl"))


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = COMMAND_TIMEOUT) -> str:
    """
    Return what kubectl printed.

    Raises:
        ToolError: kubectl failed; the message is its output.
    """
    return run([program(), *arguments], stdin=stdin, env=environment(), timeout=timeout)
