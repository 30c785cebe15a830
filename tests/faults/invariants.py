"""
What holds once all is quiet, whatever went wrong before.

Every workload that its author wants exists, is reported on for its present spec, and has exactly
its children and pods, each with the right owner; and nothing else carries the operator's label.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.model import Model, Wanted
from tests.support.api import Api
from tests.support.kinds import Manifest, path_of
from tests.support.predicates import condition_of

LABEL = "mcpworkload.dev/workload"
#: The children of each of the model's workloads.
CHILDREN = ("StatefulSet", "Service")
#: What else the operator may make; of the model's workloads it makes none.
_OTHERS = ("ConfigMap", "Deployment", "NetworkPolicy", "Role", "RoleBinding", "ServiceAccount")


@dataclass(frozen=True)
class Snapshot:
    """The objects of one namespace, those with the operator's label."""

    workloads: Sequence[Manifest]
    #: By kind.
    labelled: dict[str, list[Manifest]]

    @classmethod
    async def read(cls, api: Api, namespace: str) -> "Snapshot":
        """What is there now, kind by kind."""
        labelled = {}
        for kind in (*CHILDREN, "Pod", *_OTHERS):
            query = {"labelSelector": LABEL}
            answer = await api.request("GET", path_of(kind, namespace), query=query)
            labelled[kind] = answer["items"]
        return cls(await api.read_all("MCPWorkload", namespace), labelled)


def find_violations(model: Model, found: Snapshot) -> list[str]:
    """Return what is not as *model* wants it, one sentence each; empty when all is well."""
    workloads = {_name(each): each for each in found.workloads}
    return [
        *(f"MCPWorkload {name} is lost" for name in model.keys() - workloads.keys()),
        *(
            f"MCPWorkload {name} was deleted, and exists"
            for name in workloads.keys() - model.keys()
        ),
        *_unowned(found, workloads),
        *(
            f"MCPWorkload {name}: {words}"
            for name, wanted in model.items()
            if name in workloads
            for words in _judge(wanted, workloads[name], found)
        ),
    ]


def _unowned(found: Snapshot, workloads: dict[str, Manifest]) -> Iterator[str]:
    """Yield what has the operator's label and belongs to no workload, or is one too many."""
    owners = {each["metadata"]["uid"] for each in workloads.values()}
    sets = {each["metadata"]["uid"] for each in found.labelled["StatefulSet"]}
    for kind, objects in found.labelled.items():
        for each in objects:
            if _owner(each) not in (sets if kind == "Pod" else owners):
                yield f"{kind} {_name(each)} is orphaned"
            elif kind in CHILDREN and _name(each) not in workloads:
                yield f"{kind} {_name(each)} is not named after a workload"
            elif kind in _OTHERS:
                yield f"{kind} {_name(each)} was not asked for"


def _judge(wanted: Wanted, workload: Manifest, found: Snapshot) -> Iterator[str]:
    """Yield what is wrong with one workload."""
    yield from _judge_status(wanted, workload)
    uid = workload["metadata"]["uid"]
    children = {kind: _of(found.labelled[kind], uid) for kind in CHILDREN}
    for kind, owned in children.items():
        if len(owned) != 1:
            yield f"has {len(owned)} objects of kind {kind}"
    for each in children["StatefulSet"]:
        yield from _judge_set(wanted, each, found)


def _judge_status(wanted: Wanted, workload: Manifest) -> Iterator[str]:
    generation, status = workload["metadata"]["generation"], workload.get("status", {})
    if status.get("observedGeneration") != generation:
        yield f"generation {generation} is not observed"
        return
    ready = condition_of(workload, "Ready")
    if (ready.get("status") == "True") != (wanted.pods > 0):
        yield f"Ready is {ready.get('status')} ({ready.get('reason')}) with {wanted.pods} pods"
    if status.get("restarts", 0) != wanted.crashes:
        yield f"{status.get('restarts', 0)} restarts are reported, and {wanted.crashes} happened"


def _judge_set(wanted: Wanted, found_set: Manifest, found: Snapshot) -> Iterator[str]:
    if (got := found_set["spec"]["replicas"]) != wanted.pods:
        yield f"its StatefulSet has {got} replicas instead of {wanted.pods}"
    pods = _of(found.labelled["Pod"], found_set["metadata"]["uid"])
    if len(pods) != wanted.pods:
        yield f"has {len(pods)} pods instead of {wanted.pods}"
    for each in (found_set["spec"]["template"], *pods):
        if (image := _image(each)) != wanted.image:
            yield f"runs {image} instead of {wanted.image}"


def _image(pod: Manifest) -> str:
    containers: list[dict[str, Any]] = pod["spec"]["containers"]
    return next(str(each["image"]) for each in containers if each["name"] == "mcp")


def _of(objects: Iterable[Manifest], uid: str) -> list[Manifest]:
    return [each for each in objects if _owner(each) == uid]


def _owner(each: Manifest) -> str:
    owners: list[dict[str, Any]] = each["metadata"].get("ownerReferences") or []
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def _name(each: Manifest) -> str:
    return str(each["metadata"]["name"])
