"""Choose the kind of cluster: as ``CLUSTER`` asks, else what this machine can have."""

import os

from hack.cluster.current import CurrentCluster
from hack.cluster.kind import KindCluster, docker_answers
from hack.cluster.protocol import Cluster
from hack.local.cluster import LocalCluster
from hack.terminal import ToolError


def choose_cluster() -> Cluster:
    """
    Return the cluster of ``CLUSTER``; ``auto`` and unset mean kind if Docker runs, else local.

    Raises:
        ToolError: the value names no kind of cluster.
    """
    word = os.environ.get("CLUSTER") or "auto"
    if word == "auto":
        word = "kind" if docker_answers() else "local"
    if word == "current":
        return CurrentCluster()
    if word == "kind":
        return KindCluster()
    if word == "local":
        return LocalCluster()
    raise ToolError(f"CLUSTER={word} is none of auto, current, kind, local")
