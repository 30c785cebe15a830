"""kubectl, pointed at the cluster in use."""

import os
import shutil
import sys
from functools import cache

from deploy.cluster.terminal import COMMAND_TIMEOUT, run


@cache
def environment() -> dict[str, str]:
    """The environment in which kubectl finds the cluster in use."""
    path = run([sys.executable, "-m", "deploy.cluster", "kubeconfig"]).strip()
    return {**os.environ, "KUBECONFIG": path}


@cache
def program() -> str:
    """The kubectl to run."""
    return shutil.which("kubectl") or "kubectl"


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = COMMAND_TIMEOUT) -> str:
    """
    What kubectl printed.

    Raises:
        ClusterError: in kubectl's words.
    """
    return run([program(), *arguments], stdin=stdin, env=environment(), timeout=timeout)
