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
