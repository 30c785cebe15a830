"""Which changes of a status become Events, and what these look like."""

from typing import Any

import pytest

from mcpworkload.api.names import ChildId, ChildKind
from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.controller.recorder import MAX_NOTE_BYTES, event_of
from mcpworkload.controller.status import EventDraft, news, of_reversion
from tests.support.parsed import NOON, make_body, make_observation, make_pod
from tests.support.statuses import READY, status_of

FAILING = make_pod(container={"state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}})


def said(before: Any, after: Any) -> list[str]:
    """What is said of that change."""
    return [f"{each.type} {each.topic.split()[0]} {each.reason}" for each in news(before, after)]


def test_each_transition_is_an_event() -> None:
    """Each transition once, and nothing of what every start goes through."""
    nothing: dict[str, Any] = {"observedGeneration": -1}
    starting = status_of(make_observation(make_pod()))
    failing = status_of(make_observation(FAILING))
    ready = status_of(make_observation(READY))
    invalid = status_of(make_observation(READY), InvalidSpec("no"))

    assert said(nothing, starting) == ["Normal Accepted Accepted"]
    assert said(starting, failing) == ["Warning Ready ImagePullFailed"]
    assert said(failing, ready) == ["Normal Ready Ready"]
    assert said(ready, ready) == []
    assert said(ready, invalid) == ["Warning Accepted InvalidSpec"]


def test_the_event() -> None:
    """Its name is the same for the same news; its note fits."""
    one = EventDraft("Warning", "Ready of generation 1", "CrashLooping", "ä" * 2000)
    event = event_of(make_body(), one, NOON)

    assert event["metadata"] == event_of(make_body(), one, NOON)["metadata"]
    assert event["metadata"]["name"].startswith("weather.")
    assert len(event["note"].encode()) <= MAX_NOTE_BYTES
    assert event["eventTime"] == "2026-11-23T12:00:00.000000Z"
    assert event["regarding"]["uid"] == make_body()["metadata"]["uid"]

    other = EventDraft("Warning", "Ready of generation 2", "CrashLooping", "")
    assert event_of(make_body(), other, NOON)["metadata"] != event["metadata"]


@pytest.mark.parametrize(
    ("kind", "path", "said"),
    [
        pytest.param(
            "StatefulSet",
            "spec.template.spec.containers[mcp].image",
            "as `kubectl rollout undo` does, and the operator set it back; change "
            "spec.image of the MCPWorkload (`kubectl edit mcpw weather`) instead",
            id="a field that the spec calls the same",
        ),
        pytest.param(
            "StatefulSet",
            "spec.replicas",
            "and the operator set it back; scale the MCPWorkload "
            "(`kubectl scale mcpw weather --replicas=N`) instead",
            id="replicas",
        ),
        pytest.param(
            "Service",
            "spec.selector.app",
            "and the operator set it back; change the MCPWorkload "
            "(`kubectl edit mcpw weather`) instead",
            id="anything else",
        ),
    ],
)
def test_the_event_of_a_change_that_was_undone(kind: ChildKind, path: str, said: str) -> None:
    """Which child, which field, and what to do instead."""
    told = of_reversion("weather", ChildId(kind, "weather"), path)

    assert (told.type, told.reason) == ("Warning", "DriftReverted")
    assert told.note == f"{kind} weather: another client changed {path}, {said}"


def test_changes_of_the_same_field_are_one_event() -> None:
    """Whatever the workload's generation is by then; another field is another one."""
    child = ChildId("StatefulSet", "weather")
    later = make_body()
    later["metadata"]["generation"] = 9

    replicas = of_reversion("weather", child, "spec.replicas")
    image = of_reversion("weather", child, "spec.template.spec.containers[mcp].image")
    name = event_of(make_body(), replicas, NOON)["metadata"]["name"]

    assert event_of(later, replicas, NOON)["metadata"]["name"] == name
    assert event_of(later, image, NOON)["metadata"]["name"] != name
