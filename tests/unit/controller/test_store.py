"""The newest version of a workload wins, whichever way it came."""

from typing import Any

from mcpworkload.controller.store import WorkloadStore
from tests.support.parsed import make_body


def body_at(version: int, uid: str = "0b9c", **spec: Any) -> Any:
    """The workload as of a resource version."""
    body = make_body(**spec)
    body["metadata"] |= {"resourceVersion": str(version), "uid": uid, "managedFields": ["long"]}
    return body


def test_an_older_version_is_no_news() -> None:
    """The answer to our own write is often ahead of the watch."""
    store = WorkloadStore()

    assert store.put(body_at(10, replicas=2)) == "team/weather"
    assert store.put(body_at(9, replicas=1)) is None
    assert store.put(body_at(10, replicas=2)) is None

    known = store.get("team/weather")
    assert known is not None
    assert known["spec"]["replicas"] == 2
    assert "managedFields" not in known["metadata"]


def test_a_deleted_workload_is_gone() -> None:
    """Its key is told, so that its traces can be removed."""
    store = WorkloadStore()
    store.put(body_at(10))

    assert store.drop(body_at(11)) == "team/weather"
    assert store.get("team/weather") is None


def test_the_deletion_of_a_predecessor_is_no_news() -> None:
    """The name is in use again."""
    store = WorkloadStore()
    store.put(body_at(12, uid="successor"))

    assert store.drop(body_at(11)) is None
    assert len(list(store)) == 1


def test_a_workload_is_expected_until_it_is_shown() -> None:
    """Or until its deletion is."""
    store = WorkloadStore()
    store.expect(["team/weather", "team/other", "team/third"])

    store.put(body_at(10))
    other = make_body("other")
    store.drop(other)

    assert not store.is_expected("team/weather")
    assert not store.is_expected("team/other")
    assert store.expect_no_more() == {"team/third"}
    assert not store.is_expected("team/third")


def test_a_body_is_current_until_a_newer_one_comes() -> None:
    """A reconcile asks so before it writes: it may have waited for long."""
    store = WorkloadStore()
    store.put(body_at(10))
    body = store.get("team/weather")
    assert body is not None
    assert store.is_current(body)

    store.put(body_at(11))
    assert not store.is_current(body)

    newest = store.get("team/weather")
    assert newest is not None
    store.drop(body_at(11))
    assert not store.is_current(newest)


def test_a_successor_is_another_workload() -> None:
    """What was read of the one of the same name is no longer current."""
    store = WorkloadStore()
    store.put(body_at(10))
    store.drop(body_at(10))
    store.put(body_at(10, uid="successor"))

    assert not store.is_current(body_at(10))
    assert store.drop_uid("team/weather", "0b9c") is None
    assert store.uids() == {"team/weather": "successor"}
    assert store.drop_uid("team/weather", "successor") == "team/weather"
    assert store.uids() == {}


def test_each_look_at_a_body_is_a_copy() -> None:
    """Whoever changes one changes nothing here."""
    store = WorkloadStore()
    store.put(body_at(10, env=[{"name": "A", "value": "1"}]))
    look: Any = store.get("team/weather")
    look["spec"]["env"].clear()

    assert store.get("team/weather") != look
    assert [each["spec"]["env"] for each in store] == [[{"name": "A", "value": "1"}]]


def test_a_namespace_wants_isolation_as_long_as_one_of_its_workloads_does() -> None:
    """One that is being deleted does not; the pods that it has are counted elsewhere."""
    store = WorkloadStore()
    store.put(body_at(10, isolateNetwork=True))
    assert store.wants_isolation("team")
    assert not store.wants_isolation("other")

    store.put(body_at(11, isolateNetwork=True))
    store.put(body_at(12, isolateNetwork=False))
    assert not store.wants_isolation("team")

    store.put(body_at(13, isolateNetwork=True))
    ending = body_at(14, isolateNetwork=True)
    ending["metadata"]["deletionTimestamp"] = "2026-11-27T10:00:00Z"
    store.put(ending)
    assert not store.wants_isolation("team")

    store.put(body_at(15, isolateNetwork=True))
    store.drop(body_at(15))
    assert not store.wants_isolation("team")
