"""Which cluster the tests run on, and the programs and files that belong to it."""

import asyncio
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from hack.cluster.choose import choose_cluster
from hack.images.build import build_images
from hack.images.catalog import Image
from hack.kubectl import environment, kubectl
from hack.terminal import ToolError, UnavailableError

ROOT = Path(__file__).parent.parent.parent
ALLOW = "MCPWORKLOAD_ALLOW_CONTEXT"


@dataclass(frozen=True)
class Cluster:
    """A cluster that may be filled with test objects."""

    kubeconfig: str
    context: str

    def require_audit_log(self) -> Path:
        """The path of the audit log; the test is skipped where the cluster does not give it."""
        try:
            return choose_cluster().audit_log()
        except UnavailableError as error:
            pytest.skip(f"no audit log: {error}")

    async def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """
        What kubectl printed.

        Raises:
            ToolError: in kubectl's words.
        """
        return await asyncio.to_thread(kubectl, *arguments, stdin=stdin)


def find_cluster() -> Cluster:
    """
    The cluster in use.

    Raises:
        ToolError: there is none, or it does not look like one to test on.
    """
    kubeconfig = environment()["KUBECONFIG"]
    context = json.loads(kubectl("config", "view", "--minify", "--output=json"))["current-context"]
    if not is_test_context(context, os.environ.get(ALLOW, "")):
        raise ToolError(
            f"the context {context!r} is not named like a test cluster; "
            f"set {ALLOW}={context} if it is one"
        )
    return Cluster(kubeconfig, context)


def retag(image: Image, name: str) -> None:
    """Let pods use *image* under another *name*: news for Kubernetes, no work for anybody."""
    (built,) = build_images([image])
    choose_cluster().load(name, built.archive)


def make(target: str, **environment: str) -> float:
    """Run a target as a user does; how many seconds it took."""
    begin = time.monotonic()
    subprocess.run(["make", target], cwd=ROOT, check=True, env={**os.environ, **environment})
    return time.monotonic() - begin


def is_test_context(context: str, allowed: str) -> bool:
    """Whether tests may create and delete objects in the cluster of that context."""
    return context in ("mcpworkload-local", allowed) or context.startswith("kind-")
