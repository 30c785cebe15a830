"""The points of a write's way at which tests/faults/test_paused_leader.py stops a leader."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcpworkload.api import names
from tests.support.kinds import Manifest
from tests.support.manifests import make_workload

STAGES = ("before", "wire", "answered")
NAME = "weather"
_DENY = f"networkpolicies/{names.DENY_POLICY}"
# By what the operator writes, the method and the path within the namespace.
_REQUESTS: Mapping[str, tuple[str, str]] = {
    "new-service": ("PATCH", f"services/{NAME}"),
    "new-statefulset": ("PATCH", f"statefulsets/{NAME}"),
    "new-status": ("PATCH", f"mcpworkloads/{NAME}/status"),
    "new-deny": ("PATCH", _DENY),
    "old-service": ("PATCH", f"services/{NAME}"),
    "old-statefulset": ("PATCH", f"statefulsets/{NAME}"),
    "old-status": ("PATCH", f"mcpworkloads/{NAME}/status"),
    "pruned-service": ("DELETE", f"services/{NAME}-svc"),
    "replaced-statefulset": ("DELETE", f"statefulsets/{NAME}"),
    "marked-deny": ("PATCH", _DENY),
    "ended-deny": ("DELETE", _DENY),
    "event": ("POST", "events"),
}
_PORT = {"name": "metrics", "port": 9000}
# A test operation that fails: the workload is refused, which an Event reports.
_REFUSED = [{"op": "test", "path": "/metadata/name", "value": "x"}]


def _claim(size: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": spec}]}


@dataclass(frozen=True)
class Scene:
    """What is done to one workload before, while and after the old leader is stopped."""

    #: Its spec before the old leader writes; None if it is created for that.
    begin: dict[str, Any] | None
    #: The change at which the old leader is stopped; None for the deletion of the workload.
    change: dict[str, Any] | None
    #: The change that the new leader carries out.
    after: dict[str, Any]
    #: Whether the new leader first does what the old one was about to do.
    is_repeated: bool = True


_ENV = {"env": [{"name": "LEADER", "value": "new"}]}
_SCENES: Mapping[str, Scene] = {
    "new-service": Scene(None, {}, _ENV),
    "new-statefulset": Scene(None, {}, _ENV),
    "new-status": Scene(None, {}, _ENV),
    "new-deny": Scene(None, {"isolateNetwork": True}, _ENV),
    "old-service": Scene({}, {"ports": [_PORT]}, {"ports": [{**_PORT, "port": 9001}]}),
    "old-statefulset": Scene({}, {"image": "new:1"}, {"image": "new:2"}),
    "old-status": Scene({}, {"image": "new:1"}, {"image": "new:2"}),
    # Wanted again, and changed: the deletion of the same object would be a loss.
    "pruned-service": Scene(
        {"service": {"type": "ClusterIP"}},
        {"service": None},
        {"service": {"type": "ClusterIP", "annotations": {"leader": "new"}}},
        is_repeated=False,
    ),
    "replaced-statefulset": Scene(_claim("1Gi"), _claim("2Gi"), _claim("3Gi")),
    "marked-deny": Scene({"isolateNetwork": True}, None, {"isolateNetwork": True}),
    # Needed again before it was deleted: the pods of others would be open.
    "ended-deny": Scene(
        {"isolateNetwork": True}, None, {"isolateNetwork": True}, is_repeated=False
    ),
    "event": Scene({}, {"podTemplatePatch": _REFUSED}, {"podTemplatePatch": None}),
}


@dataclass(frozen=True)
class Point:
    """One kind of write, and where on its way the leader is stopped; it has a namespace."""

    write: str
    stage: str

    @property
    def namespace(self) -> str:
        """Its namespace, whose one workload is called NAME."""
        return f"{self.write}-{self.stage}"

    @property
    def scene(self) -> Scene:
        """What is done to the workload."""
        return _SCENES[self.write]

    @property
    def hold(self) -> dict[str, str]:
        """What `held_operator` has to know of it."""
        method, path = _REQUESTS[self.write]
        place = rf".*/namespaces/{self.namespace}/{path.replace('.', '[.]')}"
        return {"name": self.namespace, "stage": self.stage, "method": method, "path": place}

    def workload(self, spec: Mapping[str, Any]) -> Manifest:
        """Return its workload with that spec."""
        workload = make_workload(NAME, **spec)
        workload["metadata"]["namespace"] = self.namespace
        return workload


POINTS = tuple(Point(write, stage) for write in _REQUESTS for stage in STAGES)
