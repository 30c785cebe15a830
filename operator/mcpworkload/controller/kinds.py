"""The kinds that the operator reads besides those of children, which are in `children`."""

from collections.abc import Mapping

from mcpworkload.api import names
from mcpworkload.controller.children import labelled_kind
from mcpworkload.controller.references import ReferredKind
from mcpworkload.kube.kind import Kind
from mcpworkload.kube.objects import Claim, Event, NetworkPolicy, Partial, Pod

# The kinds that pods may refer to; only the metadata of these is listed or watched.
REFERRED_KINDS: Mapping[ReferredKind, Kind[Partial]] = {
    "ConfigMap": Kind("ConfigMap", "/api/v1", "configmaps", Partial),
    "Secret": Kind("Secret", "/api/v1", "secrets", Partial),
}
# Listed where claims are to grow; never watched.
CLAIM = Kind("PersistentVolumeClaim", "/api/v1", "persistentvolumeclaims", Claim)
# Counted where they are isolated: their namespace needs the policy that denies.
POD = labelled_kind(
    Pod,
    "v1",
    "pods",
    is_vital=False,
    is_counted=lambda pod: names.ISOLATED_LABEL in pod.metadata.labels,
)
# The Events of the StatefulSet controller when the API server refuses a pod or a claim: there is
# no pod then whose status would show it. A StatefulSet has its workload's name; which of them are
# ours is known by the UID. The API server has no watch cache for Events, so it sends no bookmarks.
FAILED_CREATE = Kind(
    "Event",
    "/api/v1",
    "events",
    Event,
    selector={"fieldSelector": "involvedObject.kind=StatefulSet,reason=FailedCreate"},
    owner_of=lambda event: event.involved_object.name,
    has_pulse=False,
)
# The policies that deny; each is alone in its namespace.
DENY = Kind(
    "NetworkPolicy",
    "/apis/networking.k8s.io/v1",
    "networkpolicies",
    NetworkPolicy,
    selector={"labelSelector": names.DENY_LABEL},
    is_vital=False,
)
# Read for its Pod Security level, where a workload has a permission profile; never watched.
NAMESPACE = Kind("Namespace", "/api/v1", "namespaces", Partial)
# kopf watches the workloads themselves; the operator lists which of them still exist.
WORKLOAD = Kind(names.KIND, f"/apis/{names.API_VERSION}", names.PLURAL, Partial)
