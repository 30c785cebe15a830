"""Where a command goes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Which cluster, and where in it."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
