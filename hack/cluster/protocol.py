"""The interface of every kind of test cluster."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hack.terminal import ToolError

DEFAULT_VERSION = "1.35.4"
VERSIONS = ("1.34.2", DEFAULT_VERSION, "1.36.1")
_GATES = re.compile(r"(\w+=(true|false)(,\w+=(true|false))*)?")


@dataclass(frozen=True)
class Options:
    """The choices of a person about a cluster that is made here."""

    version: str = DEFAULT_VERSION
    #: The kubelet's longest pause before it restarts a container ("1s"); None: Kubernetes' own.
    restart_backoff: str | None = None
    #: Kubernetes' feature gates, as its programs take them ("A=true,B=false").
    feature_gates: str = ""

    @property
    def gates(self) -> dict[str, bool]:
        """The feature gates by name."""
        pairs = (gate.split("=") for gate in self.feature_gates.split(",") if gate)
        return {name: value == "true" for name, value in pairs}

    @staticmethod
    def from_environment(restart_backoff: str | None = None) -> "Options":
        """
        Read ``KUBERNETES_VERSION``, ``FEATURE_GATES`` and, unless given, ``CRASH_BACKOFF``.

        Empty means unset.

        Raises:
            ToolError: an untested version, or gates that cannot be read.
        """
        version = os.environ.get("KUBERNETES_VERSION") or DEFAULT_VERSION
        if version not in VERSIONS:
            raise ToolError(
                f"KUBERNETES_VERSION={version} is not supported: use one of {', '.join(VERSIONS)}"
            )
        gates = os.environ.get("FEATURE_GATES", "")
        if not _GATES.fullmatch(gates):
            raise ToolError(f"FEATURE_GATES={gates} can't be read: write Name=true,Other=false")
        backoff = restart_backoff or os.environ.get("CRASH_BACKOFF") or None
        return Options(version, backoff, gates)


class Cluster(Protocol):
    """
    A cluster to test on.

    Every method that fails raises ToolError, with a line for the person at the terminal.
    """

    @property
    def name(self) -> str:
        """The value of ``CLUSTER`` that stands for it."""

    @property
    def dns_servers(self) -> tuple[str, ...]:
        """The addresses of DNS servers that are no pods, as far as they are known."""

    def up(self, options: Options) -> None:
        """Start it. Idempotent: what already runs as asked for stays as it is."""

    def down(self) -> None:
        """Remove it and everything it made on this machine, but never a cluster it didn't make."""

    def status(self) -> str:
        """Describe what runs, one fact a line."""

    def kubeconfig(self) -> Path:
        """Return the path of the kubeconfig of a cluster that exists."""

    def load(self, image: str, archive: Path) -> None:
        """Let pods use *image* from a docker or OCI archive, without a registry."""

    def audit_log(self) -> Path:
        """
        Return the API server's record of the operator's requests, as a file on this machine.

        Raises:
            UnavailableError: the record of this cluster cannot be read.
        """
