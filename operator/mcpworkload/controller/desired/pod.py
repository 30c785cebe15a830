"""
Build the pod template: the user's fields, and defaults that pass Pod Security `restricted`.

Golden manifests in the tests version the defaults: a changed default rolls every pod of every
installation, so it must be worth that.
"""

from copy import deepcopy
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.names import bridge_service_account_name
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import DEFAULT_POLICY, Policy
from mcpworkload.controller.desired.attach import build_sidecar, build_token_volume
from mcpworkload.controller.desired.bridge import brings_copy, build_bridge_volume, build_copier
from mcpworkload.controller.desired.child import build_labels
from mcpworkload.controller.desired.container import build_container
from mcpworkload.controller.desired.grants import NO_GRANTS, Grants
from mcpworkload.controller.desired.helpers import build_init_containers, build_ordinary_sidecars
from mcpworkload.controller.desired.isolated_pod import isolate
from mcpworkload.controller.desired.profile import build_profile_volumes, uses_host_network
from mcpworkload.controller.desired.security import build_pod_security
from mcpworkload.controller.desired.shutdown import grace_seconds
from mcpworkload.controller.desired.storage import build_volumes
from mcpworkload.kube.manifest import Manifest


def build_pod_template(
    workload: Workload, policy: Policy = DEFAULT_POLICY, grants: Grants = NO_GRANTS
) -> Manifest:
    """
    Return the pod template of the StatefulSet; the server's container is the first.

    *policy* has the image of the bridge of a stdio server, *grants* what its profile allows.

    Raises:
        InvalidSpec: a field cannot be turned into what it asks for; names its path.
    """
    spec = workload.spec
    security = build_pod_security(spec.pod_security_context)
    pod: Manifest = {
        "automountServiceAccountToken": spec.automount_service_account_token,
        # The variables of Kubernetes' service links would collide with those of the transport.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace_seconds(spec),
        "securityContext": security,
        "containers": [
            build_container(workload, policy, security, grants.permissions),
            *build_ordinary_sidecars(spec, security),
        ],
        "volumes": [
            *_build_bridge_volumes(workload, policy),
            *build_volumes(spec),
            *build_profile_volumes(grants.permissions),
        ],
        **_build_optional(workload, policy, security),
    }
    if uses_host_network(grants.permissions):
        pod["hostNetwork"] = True
    template: Manifest = {"metadata": _build_metadata(workload), "spec": pod}
    if grants.isolation is not None:
        isolate(template, workload, policy, grants.isolation)
    return template


def _build_optional(workload: Workload, policy: Policy, security: Manifest) -> Manifest:
    """Return the fields that are left out where the spec says nothing of them."""
    spec = workload.spec
    optional = {
        "initContainers": [
            *_build_bridge_containers(workload, policy, security),
            *build_init_containers(spec, security),
        ],
        "serviceAccountName": _account_name(workload),
        "imagePullSecrets": deepcopy(spec.image_pull_secrets),
        **_build_scheduling(workload),
        "hostAliases": deepcopy(spec.host_aliases),
        "dnsPolicy": spec.dns_policy,
        "dnsConfig": deepcopy(spec.dns_config),
    }
    return {field: value for field, value in optional.items() if value}


def _build_scheduling(workload: Workload) -> Manifest:
    """Return the fields that decide on which nodes the pods run, and before which others."""
    spec = workload.spec
    return {
        "nodeSelector": dict(spec.node_selector),
        "tolerations": deepcopy(spec.tolerations),
        "affinity": deepcopy(spec.affinity),
        "topologySpreadConstraints": _build_spread(workload),
        "priorityClassName": spec.priority_class_name,
        "runtimeClassName": spec.runtime_class_name,
    }


def _build_bridge_containers(
    workload: Workload, policy: Policy, pod_security: dict[str, Any]
) -> list[Manifest]:
    """Return the init containers that copy a bridge or are one; they come before all others."""
    if brings_copy(workload, policy):
        return [build_copier(workload, policy, pod_security)]
    if workload.spec.bridge is Bridge.ATTACH:
        return [build_sidecar(workload, policy, pod_security)]
    return []


def _build_bridge_volumes(workload: Workload, policy: Policy) -> list[Manifest]:
    if workload.spec.bridge is Bridge.INJECT:
        return [build_bridge_volume(policy)]
    return [build_token_volume()] if workload.spec.bridge is Bridge.ATTACH else []


def _account_name(workload: Workload) -> str | None:
    if workload.spec.bridge is Bridge.ATTACH:
        return bridge_service_account_name(workload.name)
    return workload.spec.service_account_name


def _build_metadata(workload: Workload) -> Manifest:
    annotations = dict(workload.spec.annotations)
    if workload.spec.restarted_at:
        annotations[names.RESTARTED_AT_ANNOTATION] = workload.spec.restarted_at
    return {"labels": build_labels(workload), "annotations": annotations}


def _build_spread(workload: Workload) -> list[dict[str, Any]]:
    """Return the spread constraints; one without a selector selects the workload's pods."""
    ours = {"labelSelector": {"matchLabels": names.selector_labels(workload.name)}}
    return [
        {**deepcopy(ours), **deepcopy(constraint)}
        for constraint in workload.spec.topology_spread_constraints
    ]
