"""
A workload that runs and has nothing to do, and its objects as an API server sends them.

Name, UIDs and addresses differ from one number to the next; all else is the same, managed fields
included, so that any number of them is made quickly and is as large as in a cluster.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import msgspec

from mcpworkload.api import names
from mcpworkload.controller.desired import Policy, build_children
from mcpworkload.controller.parse import Parsed, Wish, parse
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.references import digest_references
from mcpworkload.controller.status import build_status, report_exits
from mcpworkload.kube.manifest import digest_of
from mcpworkload.kube.objects import Pod, Service, StatefulSet
from tests.support.harness import UNVERIFIED
from tests.support.parsed import id_of

Manifest = dict[str, Any]
AnyT = TypeVar("AnyT")

STARTED = "2026-11-26T10:00:00Z"
NAMESPACES = 20
_NAME = "workload-00000"
_NAMESPACE = "space-00"
_UID = "11111111-0000-4000-8000-000000000000"
_REVISION = f"{_NAME}-7c9d8b6f5d"
_IMAGE = "registry.example.com/team/weather-server:1.4.2"
_SPEC: Manifest = {
    "image": _IMAGE,
    "transport": {"type": "streamable-http", "port": 8080},
    "env": [
        {"name": "LOG_LEVEL", "value": "info"},
        {"name": "UPSTREAM_URL", "value": "https://weather.example.com/v2"},
    ],
    "resources": {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"memory": "256Mi"},
    },
    "operatingMode": "Running",
    "replicas": 1,
}


def make_settled(plural: str, number: int) -> bytes:
    """Return the object of *plural* of the workload with that *number*, as JSON."""
    made = _numbered(_template(plural), number)
    digest, manifest = _children().get(plural, ("", b""))
    if digest:
        # As the operator digests it: the manifest with its keys in order, before it has the digest.
        own = digest_of(msgspec.json.decode(_numbered(manifest, number)))
        made = made.replace(digest.encode(), own.encode())
    return made


def key_of_settled(number: int) -> str:
    """Return the key of the workload with that *number*."""
    return f"space-{number % NAMESPACES:02}/workload-{number:05}"


def _numbered(template: bytes, number: int) -> bytes:
    changes = (
        (b"workload-00000", b"workload-%05d" % number),
        (b"space-00", b"space-%02d" % (number % NAMESPACES)),
        (b"-8000-000000000000", b"-8000-%012d" % number),
        (b"10.244.0.0", b"10.244.%d.%d" % (number // 250, number % 250 + 1)),
        (b'"1000000000"', b'"%d"' % (1_000_000_000 + number)),
    )
    for old, new in changes:
        template = template.replace(old, new)
    return template


@cache
def _template(plural: str) -> bytes:
    return msgspec.json.encode(_world(UNVERIFIED)[plural])


@cache
def _children() -> dict[str, tuple[str, bytes]]:
    """Return digest and manifest of what the operator applies, by plural."""
    made = {}
    for plural in ("statefulsets", "services"):
        template = msgspec.json.decode(_template(plural))
        manifest = {
            key: value for key, value in template.items() if key not in ("status", "metadata")
        }
        kept = ("name", "namespace", "labels", "annotations", "ownerReferences")
        metadata = {key: template["metadata"][key] for key in kept if key in template["metadata"]}
        digest = metadata["annotations"].pop(names.HASH_ANNOTATION)
        made[plural] = (digest, msgspec.json.encode({**manifest, "metadata": metadata}))
    return made


def _world(policy: Policy) -> dict[str, Manifest]:
    body = _with_metadata(
        {"apiVersion": names.API_VERSION, "kind": names.KIND, "spec": _SPEC},
        _UID,
        [_managed("kubectl-client-side-apply", names.API_VERSION, {"f:spec": _owned(_SPEC)})],
        generation=1,
    )
    parsed = parse(body, policy)
    assert isinstance(parsed.wish, Wish), parsed.wish
    workload, draft = parsed.wish.draft()
    template = draft.with_digest(digest_references(draft.references, {}))
    children = build_children(workload, policy, template, draft.grants)
    made = {child.id.kind: child.manifest for child in children}
    statefulset = _applied(made["StatefulSet"], "22222222-0000-4000-8000-000000000000")
    statefulset["status"] = {
        "observedGeneration": 1,
        "replicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "currentReplicas": 1,
        "updatedReplicas": 1,
        "collisionCount": 0,
        "currentRevision": _REVISION,
        "updateRevision": _REVISION,
    }
    service = _applied(made["Service"], "33333333-0000-4000-8000-000000000000")
    pod = _pod(statefulset)
    body["status"] = _status(parsed, statefulset, service, pod)
    body["metadata"]["managedFields"].append(
        _managed(names.FIELD_MANAGER, names.API_VERSION, {"f:status": _owned(body["status"])})
    )
    # Once more from what is stored: times stay as they were.
    body["status"] = _status(parse(body, policy), statefulset, service, pod)
    return {
        names.PLURAL: body,
        "statefulsets": statefulset,
        "services": service,
        "pods": pod,
    }


def _status(parsed: Parsed, statefulset: Manifest, service: Manifest, pod: Manifest) -> Manifest:
    sts, svc = _decode(statefulset, StatefulSet), _decode(service, Service)
    live_pod = _decode(pod, Pod)
    observation = Observation(
        children={id_of(sts): sts, id_of(svc): svc},
        statefulset=sts,
        pods={live_pod.metadata.name: live_pod},
        labelled={live_pod.metadata.name: live_pod},
    )
    ends = report_exits(parsed.inputs, observation)
    now = datetime(2026, 11, 26, 10, 0, 5, tzinfo=UTC)
    return build_status(parsed.inputs, observation, {}, {}, None, ends, now)


def _decode(manifest: Manifest, kind: type[AnyT]) -> AnyT:
    return msgspec.json.decode(msgspec.json.encode(manifest), type=kind)


def _applied(manifest: Manifest, uid: str) -> Manifest:
    owned = {
        "f:metadata": _owned({key: manifest["metadata"][key] for key in ("labels", "annotations")}),
        **_owned({key: value for key, value in manifest.items() if key == "spec"}),
    }
    managed = [_managed(names.FIELD_MANAGER, manifest["apiVersion"], owned, "Apply")]
    return _with_metadata(manifest, uid, managed, generation=1)


def _pod(statefulset: Manifest) -> Manifest:
    template = statefulset["spec"]["template"]
    name = f"{_NAME}-0"
    metadata = {
        "generateName": f"{_NAME}-",
        "labels": {
            **template["metadata"]["labels"],
            "controller-revision-hash": _REVISION,
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": "0",
        },
        "annotations": template["metadata"].get("annotations", {}),
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "name": _NAME,
                "uid": statefulset["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    status = _pod_status()
    spec = {
        **template["spec"],
        "nodeName": "node-1",
        "hostname": name,
        "subdomain": _NAME,
        "schedulerName": "default-scheduler",
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
    }
    managed = [
        _managed("kube-controller-manager", "v1", {"f:spec": _owned(spec)}),
        _managed("kubelet", "v1", {"f:status": _owned(status)}),
    ]
    pod: Manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    pod = _with_metadata(pod, "44444444-0000-4000-8000-000000000000", managed)
    pod["metadata"]["name"] = name
    return {**pod, "status": status}


def _pod_status() -> Manifest:
    kinds = (
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    )
    conditions = [
        {
            "type": kind,
            "status": "True",
            "observedGeneration": 1,
            "lastProbeTime": None,
            "lastTransitionTime": STARTED,
        }
        for kind in kinds
    ]
    container = {
        "name": "mcp",
        "image": _IMAGE,
        "imageID": "registry.example.com/team/weather-server@sha256:" + "5" * 64,
        "containerID": "containerd://" + "6" * 28 + _UID,
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": STARTED}},
        "lastState": {},
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "50m"}},
    }
    return {
        "phase": "Running",
        "observedGeneration": 1,
        "conditions": conditions,
        "containerStatuses": [container],
        "hostIP": "192.168.1.10",
        "hostIPs": [{"ip": "192.168.1.10"}],
        "podIP": "10.244.0.0",
        "podIPs": [{"ip": "10.244.0.0"}],
        "qosClass": "Burstable",
        "startTime": STARTED,
    }


def _with_metadata(manifest: Manifest, uid: str, managed: list[Manifest], **more: Any) -> Manifest:
    metadata = {
        "name": _NAME,
        "namespace": _NAMESPACE,
        **manifest.get("metadata", {}),
        "uid": uid,
        "resourceVersion": "1000000000",
        "creationTimestamp": STARTED,
        "managedFields": managed,
        **more,
    }
    return {**manifest, "metadata": metadata}


def _managed(manager: str, version: str, fields: Manifest, operation: str = "Update") -> Manifest:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": version,
        "time": STARTED,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _owned(value: Any) -> Manifest:
    """Return the fields in *value*, as managed fields name them."""
    if isinstance(value, dict):
        return {f"f:{name}": _owned(each) for name, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        keys = [key for key in ("name", "type", "containerPort") if key in value[0]][:1]
        return {
            "k:" + msgspec.json.encode({key: each[key] for key in keys}).decode(): {
                ".": {},
                **_owned(each),
            }
            for each in value
            if all(key in each for key in keys)
        }
    return {}
