"""Which changes of a status become Events, and what these look like."""

from typing import Any

from mcpworkload.cluster.events import MAX_NOTE_BYTES, event_of_news
from mcpworkload.errors import InvalidSpec
from mcpworkload.status import News, news
from tests.unit.builders import NOON, make_body, make_observation, make_pod
from tests.unit.status.statuses import READY, status_of

FAILING = make_pod(container={"state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}})


def said(before: Any, after: Any) -> list[str]:
    """What is said of that change."""
    return [f"{each.type} {each.condition} {each.reason}" for each in news(before, after)]


def test_what_is_said() -> None:
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
    one = News("Warning", "Ready", "CrashLooping", "ä" * 2000, 1)
    event = event_of_news(make_body(), one, NOON)

    assert event["metadata"] == event_of_news(make_body(), one, NOON)["metadata"]
    assert event["metadata"]["name"].startswith("weather.")
    assert len(event["note"].encode()) <= MAX_NOTE_BYTES
    assert event["eventTime"] == "2026-11-23T12:00:00.000000Z"
    assert event["regarding"]["uid"] == make_body()["metadata"]["uid"]

    other = News("Warning", "Ready", "CrashLooping", "", 2)
    assert event_of_news(make_body(), other, NOON)["metadata"] != event["metadata"]
