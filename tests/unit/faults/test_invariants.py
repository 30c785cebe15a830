"""The checker of the fault tests finds what it is for."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.invariants import Snapshot, find_violations
from tests.faults.model import IMAGES, Wanted

MODEL = {"a": Wanted(crashes=2), "b": Wanted(is_stopped=True)}


def owned(name: str, uid: str, owner: str, **parts: Any) -> dict[str, Any]:
    """An object with a controller."""
    owners = [{"uid": owner, "controller": True}]
    return {"metadata": {"name": name, "uid": uid, "ownerReferences": owners}, **parts}


def pod_spec(image: str = IMAGES[0]) -> dict[str, Any]:
    """The part of a pod, or of a template, that is judged."""
    return {"containers": [{"name": "mcp", "image": image}]}


def workload(name: str, ready: str, restarts: int) -> dict[str, Any]:
    """A workload whose present spec was observed."""
    conditions = [{"type": "Ready", "status": ready, "reason": "x"}]
    status = {"observedGeneration": 3, "conditions": conditions, "restarts": restarts}
    return {"metadata": {"name": name, "uid": f"uid-{name}", "generation": 3}, "status": status}


def statefulset(name: str, replicas: int) -> dict[str, Any]:
    """The StatefulSet of a workload."""
    spec = {"replicas": replicas, "template": {"spec": pod_spec()}}
    return owned(name, f"set-{name}", f"uid-{name}", spec=spec)


def as_wanted() -> Snapshot:
    """What MODEL asks for."""
    labelled = {
        "StatefulSet": [statefulset("a", 1), statefulset("b", 0)],
        "Service": [owned(name, f"svc-{name}", f"uid-{name}") for name in "ab"],
        "Pod": [owned("a-0", "pod-a", "set-a", spec=pod_spec())],
        "ServiceAccount": [],
    }
    return Snapshot([workload("a", "True", 2), workload("b", "False", 0)], labelled)


def test_what_is_as_wanted_passes() -> None:
    """No violation."""
    assert find_violations(MODEL, as_wanted()) == []


Spoil = Callable[[Snapshot], Any]
SPOILT: list[tuple[Spoil, str]] = [
    (lambda s: s.workloads.pop(0), "MCPWorkload a is lost"),  # type: ignore[attr-defined]
    (
        lambda s: s.workloads.append(workload("c", "True", 0)),  # type: ignore[attr-defined]
        "MCPWorkload c was deleted, and exists",
    ),
    (lambda s: s.labelled["Service"].pop(0), "MCPWorkload a: has 0 objects of kind Service"),
    (
        lambda s: s.labelled["Service"].append(owned("c", "svc-c", "uid-c")),
        "Service c is orphaned",
    ),
    (
        lambda s: s.labelled["Service"].append(owned("a-svc", "svc-2", "uid-a")),
        "MCPWorkload a: has 2 objects of kind Service",
    ),
    (
        lambda s: s.labelled["ServiceAccount"].append(owned("a", "x", "uid-a")),
        "ServiceAccount a was not asked for",
    ),
    (
        lambda s: s.labelled["Pod"].append(owned("a-1", "pod-2", "set-a", spec=pod_spec())),
        "MCPWorkload a: has 2 pods instead of 1",
    ),
    (
        lambda s: s.labelled["Pod"].append(owned("z-0", "pod-z", "set-z", spec=pod_spec())),
        "Pod z-0 is orphaned",
    ),
    (
        lambda s: s.labelled["Pod"][0].update(spec=pod_spec(IMAGES[1])),
        f"MCPWorkload a: runs {IMAGES[1]} instead of {IMAGES[0]}",
    ),
    (
        lambda s: s.labelled["StatefulSet"][1]["spec"].update(replicas=1),
        "MCPWorkload b: its StatefulSet has 1 replicas instead of 0",
    ),
    (
        lambda s: s.workloads[0]["metadata"].update(generation=4),
        "MCPWorkload a: generation 4 is not observed",
    ),
    (
        lambda s: s.workloads[1]["status"]["conditions"][0].update(status="True"),
        "MCPWorkload b: Ready is True (x) with 0 pods",
    ),
    (
        lambda s: s.workloads[0]["status"].update(restarts=3),
        "MCPWorkload a: 3 restarts are reported, and 2 happened",
    ),
]


@pytest.mark.parametrize(("spoil", "words"), SPOILT)
def test_what_is_wrong_is_found(spoil: Spoil, words: str) -> None:
    """Each kind of loss has its sentence."""
    snapshot = copy.deepcopy(as_wanted())
    spoil(snapshot)

    assert words in find_violations(MODEL, snapshot)


def test_the_model_follows_its_author() -> None:
    """Each change leads to the spec that the author would write."""
    changed = Wanted().with_next_image().with_replicas(2).switched().crashed()

    assert changed.spec() == {"image": IMAGES[1], "replicas": 2, "operatingMode": "Stopped"}
    assert (changed.pods, changed.switched().pods, changed.crashes) == (0, 2, 1)
