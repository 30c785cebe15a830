"""The PodDisruptionBudget: how many pods a drained node may take away at a time."""

from mcpworkload.api import names
from mcpworkload.api.rollout import DisruptionBudget
from mcpworkload.kube.manifest import Manifest


def build_budget_spec(name: str, budget: DisruptionBudget) -> Manifest:
    """The spec of the PodDisruptionBudget of the workload *name*."""
    spec: Manifest = {
        "selector": {"matchLabels": names.selector_labels(name)},
        # A pod that does not serve anyway must not keep a node from being drained.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    if budget.min_available is not None:
        spec["minAvailable"] = budget.min_available
    if budget.max_unavailable is not None:
        spec["maxUnavailable"] = budget.max_unavailable
    return spec
