"""Which pods are a workload's."""

import msgspec

from mcpworkload.kube.objects import Pod
from mcpworkload.runtime.instances import own_pods


def make_pod(name: str, *owners: tuple[str, str]) -> Pod:
    """A pod that those control, by kind and name."""
    references = [{"controller": True, "kind": kind, "name": of, "uid": of} for kind, of in owners]
    metadata = {"name": name, "ownerReferences": references}
    return msgspec.convert({"metadata": metadata}, Pod)


def test_those_of_its_stateful_set_by_their_numbers() -> None:
    """Not those of a Job that bears the label, nor those of a neighbour with a similar name."""
    tenth, second = (make_pod(f"w-{n}", ("StatefulSet", "w")) for n in (10, 2))
    job = make_pod("w-3", ("Job", "w"))
    neighbour = make_pod("w-x-0", ("StatefulSet", "w-x"))

    assert own_pods([tenth, job, second, neighbour], "w") == [second, tenth]


def test_pods_of_a_statefulset_that_is_being_replaced() -> None:
    """A log that is followed would begin anew with the pod's next owner."""
    orphan = make_pod("w-0")
    assert own_pods([orphan, make_pod("debugger")], "w") == [orphan]
