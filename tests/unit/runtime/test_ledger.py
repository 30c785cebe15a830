"""What a Monitor makes of what its watches say."""

from typing import Any

import msgspec

from mcpworkload.kube.objects import Pod, PodCondition
from mcpworkload.runtime.events import (
    WorkloadEvent,
    WorkloadEvicted,
    WorkloadExited,
    WorkloadRemoved,
    WorkloadRestarted,
    WorkloadUnverified,
)
from mcpworkload.runtime.ledger import Ledger

KEY = "team/weather"


def make_body(**spec: Any) -> dict[str, Any]:
    """An MCPWorkload."""
    return {"metadata": {"name": "weather", "namespace": "team"}, "spec": spec}


def make_pod(*args: Any, **kwargs: Any) -> Pod:
    """The pod of `make_raw_pod`, decoded."""
    return msgspec.convert(make_raw_pod(*args, **kwargs), Pod)


def make_raw_pod(
    uid: str = "one", restarts: int = 0, state: str = "running", **metadata: Any
) -> dict[str, Any]:
    """The workload's pod after so many restarts, each after an exit with code 3."""
    ended = {
        "exitCode": 3,
        "reason": "Error",
        "message": "boom",
        "finishedAt": "2026-01-01T12:00:00Z",
    }
    states = {
        "running": {"running": {"startedAt": "2026-01-01T12:00:01Z"}},
        "terminated": {"terminated": {**ended, "containerID": f"c{restarts + 1}"}},
    }
    last = {"terminated": {**ended, "containerID": f"c{restarts}"}} if restarts else {}
    return {
        "metadata": {
            "name": "weather-0",
            "namespace": "team",
            "uid": uid,
            "labels": {"mcpworkload.dev/workload": "weather", "controller-revision-hash": "a"},
            "ownerReferences": [
                {"uid": "s", "kind": "StatefulSet", "name": "weather", "controller": True}
            ],
            **metadata,
        },
        "spec": {"containers": [{"name": "mcp"}]},
        "status": {
            "containerStatuses": [
                {
                    "name": "mcp",
                    "restartCount": restarts,
                    "containerID": f"c{restarts + 1}",
                    "state": states[state],
                    "lastState": last,
                }
            ]
        },
    }


def make_ledger(*pods: Pod, **spec: Any) -> Ledger:
    """Books that are opened in that state."""
    ledger = Ledger()
    ledger.open([make_body(**spec)], pods or [make_pod()])
    return ledger


def kinds(events: Any) -> list[type[WorkloadEvent]]:
    """What sort of things happened."""
    return [type(each) for each in events]


def test_an_exit_and_the_restart_after_it() -> None:
    """Each once, however often the pod is shown."""
    ledger = make_ledger()

    ended = list(ledger.pod_changed(make_pod(state="terminated")))
    again = list(ledger.pod_changed(make_pod(restarts=1)))

    assert kinds(ended) == [WorkloadExited]
    assert isinstance(ended[0], WorkloadExited)
    assert (ended[0].exit_code, ended[0].container_id, ended[0].message) == (3, "c1", "boom")
    assert again == [WorkloadRestarted(KEY, "weather-0", "mcp", 1)]
    assert list(ledger.pod_changed(make_pod(restarts=1))) == []


def test_exits_before_the_monitor_started_are_not_reported() -> None:
    """Neither exits nor restarts."""
    ledger = make_ledger(make_pod(restarts=5))

    assert list(ledger.pod_changed(make_pod(restarts=5))) == []
    assert kinds(ledger.pod_changed(make_pod(restarts=6))) == [WorkloadExited, WorkloadRestarted]


def test_a_server_s_words_are_kept_where_that_is_asked_for() -> None:
    """reportLogTail: false."""
    ledger = make_ledger(reportLogTail=False)

    [ended] = ledger.pod_changed(make_pod(state="terminated"))

    assert isinstance(ended, WorkloadExited)
    assert ended.message == ""


def test_a_deleted_pod_is_no_exit() -> None:
    """Nor is its removal, whatever of its end was seen."""
    ledger = make_ledger()
    asked: dict[str, Any] = {
        "deletionTimestamp": "2026-01-01T11:59:59Z",
        "deletionGracePeriodSeconds": 1,
    }
    leaving = make_pod(state="terminated", **asked)

    assert list(ledger.pod_changed(make_pod(**asked))) == []
    assert list(ledger.pod_changed(leaving)) == []
    assert list(ledger.pod_deleted(leaving)) == []


def test_an_eviction_is_reported() -> None:
    """The condition says that it was the cluster that ended the pod."""
    ledger = make_ledger()
    asked: dict[str, Any] = {
        "deletionTimestamp": "2026-01-01T12:00:30Z",
        "deletionGracePeriodSeconds": 30,
    }
    evicted = make_pod(state="terminated", **asked)
    evicted.status.conditions = [
        PodCondition("DisruptionTarget", "True", reason="EvictionByEvictionAPI")
    ]

    assert kinds(ledger.pod_changed(evicted)) == [WorkloadEvicted]


def test_a_pod_that_vanished_unobserved() -> None:
    """It is one exit, of which nothing is known, unless what is asked for explains it."""
    lost, scaled = make_ledger(), make_ledger(replicas=1)
    scaled.workload_changed(make_body(replicas=0))

    for ledger in (lost, scaled):
        assert ledger.pods_missing([]) == [(KEY, "one")]
    [told] = lost.pod_vanished(KEY, "one", "a")

    assert isinstance(told, WorkloadExited)
    assert (told.exit_code, told.reason) == (None, "Unknown")
    assert list(scaled.pod_vanished(KEY, "one", "a")) == []


def test_a_rollout_that_was_not_observed() -> None:
    """The pods are made from another template now."""
    ledger = make_ledger()

    assert list(ledger.pod_vanished(KEY, "one", "b")) == []


def test_a_successor_takes_the_place_of_a_lost_pod() -> None:
    """Of the same template: the first one was lost; it is told once."""
    ledger = make_ledger()

    assert kinds(ledger.pod_changed(make_pod("two"))) == [WorkloadExited]
    assert list(ledger.pod_vanished(KEY, "one", "a")) == []
    assert ledger.running_containers(KEY) == 1


def test_a_removed_workload() -> None:
    """Told once, whoever noticed."""
    ledger = make_ledger()

    assert ledger.workloads_missing([]) == [KEY]
    assert list(ledger.workload_deleted(KEY)) == [WorkloadRemoved(KEY)]
    assert list(ledger.workload_deleted(KEY)) == []


def test_a_foreign_pod_with_our_label_is_none_of_our_business() -> None:
    """Somebody's Deployment may copy labels."""
    ledger = make_ledger()
    owner = {"uid": "r", "kind": "ReplicaSet", "name": "weather", "controller": True}
    foreign = make_pod("theirs", state="terminated", ownerReferences=[owner])

    assert list(ledger.pod_changed(foreign)) == []


def test_what_servers_are_is_reported_from_the_start_on() -> None:
    """A body that is read for another reason tells nothing; that is left to the watch."""
    ledger = make_ledger()
    wrong = make_body() | {
        "status": {"conditions": [{"type": "Verified", "status": "False", "reason": "NotMcp"}]}
    }

    ledger.workload_read(wrong)

    assert ledger.workload_changed(wrong) == [WorkloadUnverified(KEY, "NotMcp", "")]
    assert ledger.workload_changed(wrong) == []
    again = Ledger()
    again.open([wrong], [])
    assert again.workload_changed(wrong) == []
