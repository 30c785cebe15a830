"""The spine, where it deletes: what is deleted, when, and what is said when it may not be."""

from types import SimpleNamespace
from typing import Any

import pytest

from mcpworkload.desired import Child, build_children
from mcpworkload.errors import Forbidden, Refused
from mcpworkload.live import Metadata
from mcpworkload.names import ChildId
from mcpworkload.reconcile import Reconciler
from mcpworkload.store import WorkloadStore
from tests.unit.builders import (
    NOON,
    UID,
    make_body,
    make_budget,
    make_observation,
    make_pod,
    make_service,
    make_statefulset,
    make_workload,
)

KEY = "team/weather"
BUDGET = ChildId("PodDisruptionBudget", "weather")


class FakeWriter:
    """Notes what is written; *refuses* is raised instead."""

    def __init__(self, apply: Exception | None = None, delete: Exception | None = None) -> None:
        self.apply, self.delete = apply, delete
        self.deleted: list[tuple[str, ChildId, str]] = []
        self.status: dict[str, Any] = {}

    async def apply_child(self, child: Child, **_: Any) -> Metadata:
        """The metadata of what would be live now."""
        if self.apply:
            raise self.apply
        return Metadata(name=child.id.name, uid="x", resource_version="900")

    async def delete_child(self, namespace: str, child_id: ChildId, uid: str) -> None:
        """Note the deletion."""
        if self.delete:
            raise self.delete
        self.deleted.append((namespace, child_id, uid))

    async def write_status(
        self, namespace: str, name: str, uid: str, status: dict[str, Any]
    ) -> dict[str, Any]:
        """Keep the status."""
        assert (namespace, name, uid) == ("team", "weather", UID)
        self.status = status
        body: dict[str, Any] = make_body(status=self.status)
        body["metadata"]["resourceVersion"] = "101"
        return body


def make_reconciler(writer: FakeWriter, *, is_current: bool = True) -> Reconciler:
    """A reconciler of a workload that once had a budget; else all is as desired."""
    service, statefulset = build_children(make_workload())
    annotations = [
        child.manifest["metadata"]["annotations"] if is_current else {}
        for child in (service, statefulset)
    ]
    observation = make_observation(
        make_pod(ready=True),
        statefulset=make_statefulset(annotations=annotations[1]),
        children=(make_service(annotations=annotations[0]), make_budget()),
    )
    for child, desired in zip(observation.children.values(), (statefulset, service), strict=False):
        child.judged_for = desired.digest
    store = WorkloadStore()
    store.put(make_body())
    informers: Any = SimpleNamespace(observe=lambda _: observation)
    return Reconciler(store, informers, lambda _: None, writer, now=lambda: NOON)  # type: ignore[arg-type]


async def test_a_child_that_is_no_longer_asked_for_is_deleted_once() -> None:
    """The cache shows it a little longer; that is no reason to ask again."""
    writer = FakeWriter()
    reconcile = make_reconciler(writer)

    await reconcile(KEY)
    await reconcile(KEY)

    assert writer.deleted == [("team", BUDGET, "pdb")]


async def test_nothing_is_deleted_before_the_others_are_applied() -> None:
    """A child that is refused must not cost the one that it was to replace."""
    writer = FakeWriter(apply=Refused("no", status=422))

    await make_reconciler(writer, is_current=False)(KEY)

    assert writer.deleted == []
    assert writer.status["conditions"][0]["reason"] == "Rejected"


async def test_a_forbidden_deletion_is_told() -> None:
    """With the object and the API server's words; another look may help."""
    writer = FakeWriter(delete=Forbidden("no rights", status=403))

    again = await make_reconciler(writer)(KEY)

    assert again == pytest.approx(30)
    assert writer.status["conditions"][0]["message"] == (
        "the API server forbids the deletion of the PodDisruptionBudget weather: no rights"
    )
