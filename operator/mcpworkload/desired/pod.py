"""
The pod template: the user's fields, and defaults that pass Pod Security `restricted`.

The defaults are versioned by golden manifests in the tests: changing one rolls every pod of
every installation, so it has to be worth that.
"""

from copy import deepcopy
from typing import Any

from mcpworkload import names
from mcpworkload.desired.child import build_labels
from mcpworkload.desired.container import DEFAULT_GRACE_SECONDS, build_container
from mcpworkload.desired.helpers import build_init_containers, build_ordinary_sidecars
from mcpworkload.desired.security import build_pod_security
from mcpworkload.desired.storage import build_volumes
from mcpworkload.manifest import Manifest
from mcpworkload.models import Workload


def build_pod_template(workload: Workload) -> Manifest:
    """
    The pod template of the StatefulSet; the server's container is the first.

    Raises:
        InvalidSpec: a field cannot be turned into what it asks for; names its path.
    """
    spec = workload.spec
    grace = spec.termination_grace_period_seconds
    security = build_pod_security(spec.pod_security_context)
    pod: Manifest = {
        "automountServiceAccountToken": spec.automount_service_account_token,
        # The variables of Kubernetes' service links would collide with those of the transport.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DEFAULT_GRACE_SECONDS if grace is None else grace,
        "securityContext": security,
        "containers": [
            build_container(workload, security),
            *build_ordinary_sidecars(spec, security),
        ],
        "volumes": build_volumes(spec),
    }
    optional = {
        "initContainers": build_init_containers(spec, security),
        "serviceAccountName": spec.service_account_name,
        "imagePullSecrets": deepcopy(spec.image_pull_secrets),
        "nodeSelector": dict(spec.node_selector),
        "tolerations": deepcopy(spec.tolerations),
        "affinity": deepcopy(spec.affinity),
        "topologySpreadConstraints": _build_spread(workload),
        "priorityClassName": spec.priority_class_name,
        "runtimeClassName": spec.runtime_class_name,
        "hostAliases": deepcopy(spec.host_aliases),
        "dnsPolicy": spec.dns_policy,
        "dnsConfig": deepcopy(spec.dns_config),
    }
    pod |= {field: value for field, value in optional.items() if value}
    return {"metadata": _build_metadata(workload), "spec": pod}


def _build_metadata(workload: Workload) -> Manifest:
    annotations = dict(workload.spec.annotations)
    if workload.spec.restarted_at:
        annotations[names.RESTARTED_AT_ANNOTATION] = workload.spec.restarted_at
    return {"labels": build_labels(workload), "annotations": annotations}


def _build_spread(workload: Workload) -> list[dict[str, Any]]:
    """The spread constraints; one that names no pods means ours, where Kubernetes means none."""
    ours = {"labelSelector": {"matchLabels": names.selector_labels(workload.name)}}
    return [
        {**deepcopy(ours), **deepcopy(constraint)}
        for constraint in workload.spec.topology_spread_constraints
    ]
