"""Where the API server keeps the kinds that tests look at, and the one shape they have here."""

from typing import Any

Manifest = dict[str, Any]

_PLACES = {
    "ClusterRole": ("rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "ConfigMap": ("v1", "configmaps"),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
    "CoreEvent": ("v1", "events"),
    "Deployment": ("apps/v1", "deployments"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "Ingress": ("networking.k8s.io/v1", "ingresses"),
    "LimitRange": ("v1", "limitranges"),
    "Lease": ("coordination.k8s.io/v1", "leases"),
    "MCPWorkload": ("mcpworkload.dev/v1alpha1", "mcpworkloads"),
    "Node": ("v1", "nodes"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Namespace": ("v1", "namespaces"),
    "PersistentVolume": ("v1", "persistentvolumes"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "Event": ("v1", "events"),
    "Pod": ("v1", "pods"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "Role": ("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "StorageClass": ("storage.k8s.io/v1", "storageclasses"),
    "Toolbox": ("tools.example.com/v1alpha1", "toolboxes"),
}


def api_version(kind: str) -> str:
    """The group and version of *kind*, as it stands in a manifest."""
    return _PLACES[kind][0]


def path_of(kind: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The path of an object, or of a collection where *name* is empty."""
    group, plural = _PLACES[kind]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    parts = (f"namespaces/{namespace}" if namespace else "", plural, name, subresource)
    return "/".join((root, *(part for part in parts if part)))
