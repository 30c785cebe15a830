"""
What servers that end every second make the operator write: Events, statuses and log lines.

A kubelet restarts them no faster than its back-off lets it, which is every five minutes in the end:
this storm is a hundred times worse.
"""

import logging
from collections import Counter
from typing import Any

import pytest

from mcpworkload.controller.desired import build_children
from mcpworkload.controller.logs import MOST, MOST_ALIKE, WINDOW_SECONDS, LogLimit
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.kube.objects import Pod
from tests.support.harness import KEY, FakeCluster, Harness, make_harness
from tests.support.parsed import (
    as_applied,
    make_observation,
    make_pod,
    make_service,
    make_statefulset,
    make_workload,
)

EXITS = 40
WORKLOADS = 200


def ended(times: int) -> dict[str, Any]:
    """How the container ended that time."""
    words = {"exitCode": 3, "reason": "Error", "message": f"boom {times}"}
    return {"containerID": f"containerd://{times}", **words}


def reports(times: int) -> list[Pod]:
    """What the kubelet reports of one end: ended, waiting for the next start, running again."""
    last = {"terminated": ended(times)}
    before = {"terminated": ended(times - 1)} if times > 1 else {}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": f"back-off {times}s"}}
    containers: list[dict[str, Any]] = [
        {"restartCount": times - 1, "state": last, "lastState": before},
        {"restartCount": times - 1, "state": waiting, "lastState": last},
        {"restartCount": times, "state": {"running": {}}, "lastState": last},
    ]
    return [make_pod(ready="running" in each["state"], container=each) for each in containers]


def as_asked(pod: Pod) -> Observation:
    """The pod, and the children as they are asked for."""
    service, statefulset = build_children(make_workload())
    of_service, of_set = (
        child.manifest["metadata"]["annotations"] for child in (service, statefulset)
    )
    return make_observation(
        pod,
        statefulset=as_applied(make_statefulset(annotations=of_set), statefulset),
        children=(as_applied(make_service(annotations=of_service), service),),
    )


async def storm() -> Harness:
    """A workload whose server ends every second; each report of the kubelet is reconciled."""
    harness = make_harness(FakeCluster())
    pods = [make_pod(ready=True), *(pod for number in range(EXITS) for pod in reports(number + 1))]
    for pod in pods:
        harness.cluster.observation = as_asked(pod)
        harness.cluster.observed.seen(KEY, pod)
        await harness.reconcile(KEY)
        harness.cluster.seconds += 1 / 3
    return harness


async def test_a_crash_is_one_event_and_one_status(caplog: pytest.LogCaptureFixture) -> None:
    """And one line. That a server is down and up again and again is told once."""
    caplog.set_level(logging.INFO)
    cluster = (await storm()).cluster

    assert [each.exit_code for each in cluster.exits] == [3] * EXITS
    assert cluster.statuses[-1]["restarts"] == EXITS == cluster.counted["Error"]
    # One more for the good state before.
    assert Counter(cluster.calls) == {"status": EXITS + 1}
    assert [each.reason for each in cluster.said] == ["CrashLooping"]
    assert len(caplog.records) == EXITS + 1


def make_record(workload: str | None = None, **parts: Any) -> logging.LogRecord:
    """A line about a workload."""
    whole = {"msg": "status: %s", "levelno": logging.INFO, "workload": workload, **parts}
    return logging.makeLogRecord(whole)


class Lines:
    """The lines that pass, on a clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.passed: list[logging.LogRecord] = []
        self._limit = LogLimit(lambda: self.seconds)

    def write(self, **parts: Any) -> None:
        """Write one line."""
        record = make_record(**parts)
        if self._limit.filter(record):
            self.passed.append(record)


def test_two_hundred_servers_that_end_every_second_do_not_fill_the_log() -> None:
    """Each has its first lines, so that every one of them is named; the rest is counted."""
    lines, windows = Lines(), 6
    for second in range(int(windows * WINDOW_SECONDS)):
        lines.seconds = float(second)
        for number in range(WORKLOADS):
            lines.write(workload=f"team/w{number}", args=(second,))

    of_each = Counter(record.workload for record in lines.passed)  # type: ignore[attr-defined]
    assert len(of_each) == WORKLOADS
    assert set(of_each.values()) == {MOST_ALIKE * windows}
    assert len(lines.passed) / (windows * WINDOW_SECONDS) <= MOST / WINDOW_SECONDS


def test_what_is_left_out_is_counted() -> None:
    """In the next line that is written."""
    lines = Lines()
    for _ in range(MOST_ALIKE + 3):
        lines.write(workload="team/a")
    lines.write(workload="team/b")
    lines.write(workload="team/b")

    assert [getattr(record, "left_out", 0) for record in lines.passed[-2:]] == [3, 0]


def test_other_lines_about_the_workload_are_written() -> None:
    """As are those about none, and errors."""
    lines = Lines()
    for _ in range(20):
        lines.write(workload="team/a")
    lines.write(workload="team/a", msg="applied %s")
    for _ in range(20):
        lines.write()
        lines.write(workload="team/a", levelno=logging.ERROR)

    assert len(lines.passed) == MOST_ALIKE + 1 + 40


def test_all_lines_together_are_bounded() -> None:
    """However many workloads there are, and for no longer than a window."""
    lines = Lines()
    for number in range(3 * MOST):
        lines.write(workload=f"team/w{number}")
    assert len(lines.passed) == MOST

    lines.seconds += WINDOW_SECONDS
    lines.write(workload="team/w1")
    assert len(lines.passed) == MOST + 1
