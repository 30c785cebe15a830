"""Which cluster the tests run on, and the programs and files that belong to it."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.cluster.terminal import ClusterError
from deploy.kubectl import environment, kubectl

ROOT = Path(__file__).parent.parent.parent
ALLOW = "MCPWORKLOAD_ALLOW_CONTEXT"
# `deploy.cluster` ends with this when the cluster in use has no such thing.
NOT_AVAILABLE = 3


@dataclass(frozen=True)
class Cluster:
    """A cluster that may be filled with test objects."""

    kubeconfig: str
    context: str

    def require_audit_log(self) -> Path:
        """The path of the audit log; the test is skipped where the cluster does not give it."""
        command = [sys.executable, "-m", "deploy.cluster", "audit-log"]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        if done.returncode == NOT_AVAILABLE:
            pytest.skip(f"no audit log: {done.stderr.strip()}")
        if done.returncode != 0:
            pytest.fail(f"deploy.cluster audit-log: {done.stderr.strip()}")
        return Path(done.stdout.strip())

    async def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """
        What kubectl printed.

        Raises:
            ClusterError: in kubectl's words.
        """
        return await asyncio.to_thread(kubectl, *arguments, stdin=stdin)


def find_cluster() -> Cluster:
    """
    The cluster in use.

    Raises:
        ClusterError: there is none, or it does not look like one to test on.
    """
    kubeconfig = environment()["KUBECONFIG"]
    context = json.loads(kubectl("config", "view", "--minify", "--output=json"))["current-context"]
    if not is_test_context(context, os.environ.get(ALLOW, "")):
        raise ClusterError(
            f"the context {context!r} is not named like a test cluster; "
            f"set {ALLOW}={context} if it is one"
        )
    return Cluster(kubeconfig, context)


def is_test_context(context: str, allowed: str) -> bool:
    """Whether tests may create and delete objects in the cluster of that context."""
    return context in ("mcpworkload-local", allowed) or context.startswith("kind-")
