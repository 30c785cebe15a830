"""Build the children that exist only where a field of the spec asks for them."""

from collections.abc import Iterator

from mcpworkload.api import names
from mcpworkload.api.rollout import DisruptionBudget
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.children import POD_DISRUPTION_BUDGET, SERVICE
from mcpworkload.controller.desired.child import Child, build_child
from mcpworkload.controller.desired.service import build_client_service_spec, build_service_spec
from mcpworkload.kube.manifest import Manifest


def build_optional(workload: Workload, policy: Policy) -> Iterator[Child]:
    """Yield the further Services and the PodDisruptionBudget that *workload* asks for."""
    options, budget = workload.spec.service, workload.spec.disruption_budget
    if options.headless_alias and options.headless_alias != workload.name:
        child_id = SERVICE.named(options.headless_alias)
        content = {"spec": build_service_spec(workload)}
        yield build_child(child_id, workload, content, policy=policy)
    if options.has_own_service:
        child_id = SERVICE.named(names.service_name(workload.name))
        content = {"spec": build_client_service_spec(workload)}
        yield build_child(child_id, workload, content, options.annotations, policy)
    if budget is not None:
        child_id = POD_DISRUPTION_BUDGET.named(workload.name)
        yield build_child(child_id, workload, {"spec": _build_budget_spec(workload.name, budget)})


def _build_budget_spec(name: str, budget: DisruptionBudget) -> Manifest:
    """Return the spec that bounds how many pods a drained node takes away at a time."""
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
