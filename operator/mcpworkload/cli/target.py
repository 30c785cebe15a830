"""The cluster and the namespace of a command."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """The kubeconfig, its context and a namespace; None for the default."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
