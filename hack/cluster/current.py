"""The cluster of the kubeconfig's current context, which this project did not make."""

import os
import re
from pathlib import Path

from hack.cluster.protocol import Options
from hack.cluster.tools import find_tool
from hack.terminal import ToolError, UnavailableError, run, say, step

_TEST_CLUSTER = re.compile(
    r"kind-|k3d-|minikube$|docker-desktop$|mcpworkload|.*test|.*local", re.IGNORECASE
)
_ALLOWED = "MCPWORKLOAD_ALLOW_CONTEXT"
_LOAD_TIMEOUT = 600.0


def is_test_context(context: str, allowed: str | None) -> bool:
    """Return whether a context is named as a test cluster, or was named by the caller."""
    return context == allowed or _TEST_CLUSTER.match(context) is not None


def build_load_command(context: str, archive: Path) -> list[str] | None:
    """Return the command by which this kind of cluster loads an image archive, or None."""
    if context.startswith("kind-"):
        name = context.removeprefix("kind-")
        return ["kind", "load", "image-archive", str(archive), "--name", name]
    if context == "minikube":
        return ["minikube", "image", "load", str(archive)]
    if context.startswith("k3d-"):
        return ["k3d", "image", "import", str(archive), "-c", context.removeprefix("k3d-")]
    return None


class CurrentCluster:
    """A cluster that is used, and neither made nor removed."""

    name = "current"
    dns_servers: tuple[str, ...] = ()

    def up(self, options: Options) -> None:
        """Check that it responds. Version and back-off are its owner's choice."""
        context = self._context()
        with step(f"asking the cluster of context {context}"):
            self._kubectl("get", "--raw", "/readyz", "--request-timeout=10s")
        if options.restart_backoff is not None:
            say("its restart back-off stays as it is: the kubelet of this cluster is not ours")

    def down(self) -> None:
        """Leave it alone."""
        say(f"context {self._context()} is left as it is: it was not made by us")

    def status(self) -> str:
        """Return the nodes, as kubectl prints them."""
        return f"context {self._context()}\n{self._kubectl('get', 'nodes', '-o', 'wide')}"

    def kubeconfig(self) -> Path:
        """Return the caller's own kubeconfig."""
        self._context()
        return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")

    def load(self, image: str, archive: Path) -> None:
        """Hand the archive to the cluster's own tool, where it has one that takes archives."""
        context = self._context()
        command = build_load_command(context, archive)
        if command is None:
            raise UnavailableError(
                f"context {context} takes no image archives: push {image} where the cluster can "
                "pull it from"
            )
        with step(f"loading {image}"):
            run(command, timeout=_LOAD_TIMEOUT)

    def audit_log(self) -> Path:
        """Never available: the API server is not ours."""
        raise UnavailableError("the audit log of CLUSTER=current can't be read from here")

    def _context(self) -> str:
        try:
            context = self._kubectl("config", "current-context").strip()
        except ToolError:
            raise ToolError(
                "the kubeconfig has no current context: set KUBECONFIG, or choose one with "
                "`kubectl config use-context`"
            ) from None
        if not is_test_context(context, os.environ.get(_ALLOWED)):
            raise ToolError(
                f"context {context} isn't named like a test cluster: "
                f"set {_ALLOWED}={context} if it is one"
            )
        return context

    def _kubectl(self, *arguments: str) -> str:
        return run([str(find_tool("kubectl")), *arguments])
