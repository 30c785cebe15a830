"""Which changes of a status become Events, and what these look like."""

from typing import Any

import pytest

from mcpworkload.api.names import ChildId, ChildKind
from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.controller.recorder import MAX_NOTE_BYTES, event_of
from mcpworkload.controller.status import EventDraft, news, news_of_tools, of_reversion
from mcpworkload.verification.finding import ToolList
from tests.support.parsed import NOON, make_body, make_observation, make_pod
from tests.support.statuses import READY, status_of

FAILING = make_pod(container={"state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}})


def said(before: Any, after: Any) -> list[str]:
    """What is said of that change."""
    return [f"{each.type} {each.topic.split()[0]} {each.reason}" for each in news(before, after)]


def test_each_transition_is_an_event() -> None:
    """Each turn to the worse and back, and nothing of what every start goes through."""
    nothing: dict[str, Any] = {"observedGeneration": -1}
    starting = status_of(make_observation(make_pod()))
    failing = status_of(make_observation(FAILING))
    ready = status_of(make_observation(READY))
    invalid = status_of(make_observation(READY), InvalidSpec("no"))

    assert said(nothing, starting) == []
    assert said(starting, ready) == []
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


def with_condition(status: Any, kind: str, verdict: str, reason: str) -> Any:
    """*status* with one condition more, or another one in its place."""
    others = [each for each in status["conditions"] if each["type"] != kind]
    condition = {"type": kind, "status": verdict, "reason": reason, "message": "so it is"}
    return {**status, "conditions": [*others, condition]}


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (("Unknown", "Pending"), ("True", "HandshakeOk"), []),
        (("True", "HandshakeOk"), ("Unknown", "Pending"), []),
        (("True", "HandshakeOk"), ("Unknown", "NoPods"), []),
        (("True", "HandshakeOk"), ("False", "NotMcp"), ["Warning Verified NotMcp"]),
        (("False", "NotMcp"), ("True", "HandshakeOk"), ["Normal Verified HandshakeOk"]),
        (("Unknown", "Pending"), ("Unknown", "Unreachable"), ["Warning Verified Unreachable"]),
    ],
)
def test_verification_is_told_where_ready_does_not_tell_it(
    before: tuple[str, str], after: tuple[str, str], events: list[str]
) -> None:
    """What every start goes through is no news."""
    ready = status_of(make_observation(READY))
    old, new = (with_condition(ready, "Verified", *each) for each in (before, after))

    assert said(old, new) == events


def test_a_reason_that_ready_has_too_is_told_once() -> None:
    """The Event of Ready."""
    ready = status_of(make_observation(READY))
    old = with_condition(ready, "Verified", "Unknown", "Pending")
    wrong = with_condition(ready, "Verified", "False", "NotMcp")

    assert said(old, with_condition(wrong, "Ready", "False", "NotMcp")) == ["Warning Ready NotMcp"]


def make_list(**tools: bytes) -> ToolList:
    """A list of tools, each with its digest."""
    return ToolList(len(tools), f"sha256:{sorted(tools.items())}", tools)


def notes_of_tools(
    before: ToolList | None, after: ToolList | None, known: tuple[ToolList, ...]
) -> list[str]:
    """The notes on a change of tools."""
    old, new = (
        {"server": {"tools": {"count": each.count, "digest": each.digest}}} if each else {}
        for each in (before, after)
    )
    drafts = news_of_tools(old, new, {each.digest: each for each in known})
    return [f"{each.type} {each.reason} {each.note}" for each in drafts]


def test_a_change_of_tools_names_them_as_far_as_they_are_known() -> None:
    """After a restart of the operator, only how many there are."""
    old = make_list(echo=b"1", add=b"1", **{f"t{number}": b"1" for number in range(7)})
    new = make_list(echo=b"2", sub=b"1")

    (named,) = notes_of_tools(old, new, (old, new))
    (unnamed,) = notes_of_tools(old, new, (new,))

    assert named.startswith("Normal ToolsChanged the list of tools has changed: 9 before, 2 now")
    assert "; added: sub; removed: add, t0, t1, t2, t3 and 3 more; changed: echo; " in named
    assert "echo" not in unnamed.partition("; sha256")[0]


@pytest.mark.parametrize("same", [(None, None), (None, 1), (1, None), (1, 1)])
def test_no_change_of_tools(same: tuple[int | None, int | None]) -> None:
    """The first list is no change, and none is not either: it may not have been asked for."""
    one = make_list(echo=b"1")

    before, after = (one if each else None for each in same)

    assert notes_of_tools(before, after, (one,)) == []


def test_a_list_that_was_not_read_to_its_end_is_no_change() -> None:
    """Its count is that of the pages which came in time."""
    whole, part = make_list(echo=b"1", add=b"1"), ToolList(1, "", {"echo": b"1"})

    assert notes_of_tools(whole, part, (whole,)) == []
    assert notes_of_tools(part, whole, (whole,)) == []
