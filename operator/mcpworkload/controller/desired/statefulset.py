"""Build the StatefulSet around a pod template."""

from mcpworkload.api import names
from mcpworkload.api.rollout import UpdateStrategy
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired.storage import build_claim_templates, build_retention
from mcpworkload.kube.manifest import Manifest


def build_statefulset_spec(workload: Workload, template: Manifest) -> Manifest:
    """Return the spec of the StatefulSet that runs *template*."""
    wanted = workload.spec
    spec: Manifest = {
        "replicas": wanted.wanted_replicas,
        "serviceName": workload.name,
        "selector": {"matchLabels": names.selector_labels(workload.name)},
        # Replicas of an MCP server do not wait for one another; and with the ordered policy
        # a broken revision would have to be deleted by hand.
        "podManagementPolicy": "Parallel",
        "updateStrategy": _build_update_strategy(wanted.update_strategy),
        "template": _without_old_service_account(template),
    }
    if wanted.min_ready_seconds is not None:
        spec["minReadySeconds"] = wanted.min_ready_seconds
    if claims := build_claim_templates(wanted):
        spec["volumeClaimTemplates"] = claims
        spec["persistentVolumeClaimRetentionPolicy"] = build_retention(wanted)
    return spec


def _without_old_service_account(template: Manifest) -> Manifest:
    """
    Return *template* without an earlier ServiceAccount, where the spec asks for none.

    The API server keeps a copy under the field's old name and uses it once the field is left out:
    pods would go on with a ServiceAccount that the spec no longer names (tried). An empty field
    changes nothing where there was none.
    """
    pod = template["spec"]
    if pod.get("serviceAccountName") or pod.get("serviceAccount"):
        return template
    return {**template, "spec": {**pod, "serviceAccount": ""}}


def _build_update_strategy(strategy: UpdateStrategy) -> Manifest:
    result: Manifest = {"type": strategy.type or "RollingUpdate"}
    rolling = strategy.rolling_update
    if rolling is not None:
        given = {"partition": rolling.partition, "maxUnavailable": rolling.max_unavailable}
        result["rollingUpdate"] = {key: value for key, value in given.items() if value is not None}
    return result
