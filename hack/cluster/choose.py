"""Which cluster is meant: the caller's word, else what this machine can have."""

import os

from hack.cluster.current import CurrentCluster
from hack.cluster.kind import KindCluster, docker_answers
from hack.cluster.protocol import Cluster
from hack.local.cluster import LocalCluster
from hack.terminal import ToolError


def choose_cluster() -> Cluster:
    """
    Follow ``CLUSTER``; ``auto`` and unset mean kind where Docker answers, else the local one.

    Raises:
        ToolError: a word that we don't know.
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
