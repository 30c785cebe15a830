"""What a Monitor makes of what statuses say of a server: differences, each once."""

from typing import Any

import pytest

from mcpworkload.runtime.events import (
    ToolsChanged,
    WorkloadEvent,
    WorkloadUnverified,
    WorkloadVerified,
)
from mcpworkload.runtime.verified import VerifiedLedger

KEY = "team/weather"
VERIFIED = WorkloadVerified(KEY)
WRONG = WorkloadUnverified(KEY, "NotMcp", "an HTML page")
A, B = "sha256:a", "sha256:b"


def make_body(
    status: str = "",
    reason: str = "",
    *,
    tools: str | None = None,
    version: int = 0,
    uid: str = "one",
    **server: Any,
) -> dict[str, Any]:
    """An MCPWorkload with that condition Verified, and a server with as many tools as *tools*."""
    said: dict[str, Any] = {}
    if status:
        words = "an HTML page" if status == "False" else ""
        condition = {"type": "Verified", "status": status, "reason": reason, "message": words}
        said["conditions"] = [{"type": "Ready", "status": status, "reason": "x"}, condition]
    if tools is not None or server:
        listing = {"tools": {"count": len(tools), "digest": tools}} if tools is not None else {}
        said["server"] = {"era": "modern", **listing, **server}
    metadata = {"name": "weather", "namespace": "team", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata, **({"status": said} if said else {})}


OK = make_body("True", "HandshakeOk")
BAD = make_body("False", "NotMcp")
PENDING = make_body("Unknown", "Pending")
NONE = make_body()


def news(first: dict[str, Any], *others: dict[str, Any]) -> list[list[WorkloadEvent]]:
    """What each of *others* tells that has seen *first* when it began."""
    ledger = VerifiedLedger()
    ledger.take(KEY, first)
    return [ledger.take(KEY, other) for other in others]


@pytest.mark.parametrize(
    ("bodies", "told"),
    [
        pytest.param([OK, BAD, OK], [[WRONG], [VERIFIED]], id="to and fro"),
        pytest.param([OK, OK, OK], [[], []], id="repeated"),
        pytest.param([BAD, BAD], [[]], id="wrong from the start"),
        pytest.param([OK, PENDING, BAD], [[], [WRONG]], id="lost by way of unknown"),
        pytest.param([OK, PENDING, OK], [[], []], id="unknown for a while"),
        pytest.param([BAD, PENDING, BAD], [[], []], id="wrong, and again"),
        pytest.param([OK, NONE, OK], [[], []], id="switched off for a while"),
        pytest.param([NONE, PENDING, OK], [[], [VERIFIED]], id="the first answer"),
        pytest.param([NONE, BAD], [[WRONG]], id="the first answer is wrong"),
        pytest.param(
            [BAD, make_body("False", "PodsDisagree")], [[]], id="wrong in another way is no news"
        ),
    ],
)
def test_a_change_of_the_verdict_is_told_once(
    bodies: list[dict[str, Any]], told: list[list[WorkloadEvent]]
) -> None:
    """What is not known is no verdict."""
    assert news(*bodies) == told


@pytest.mark.parametrize(
    ("bodies", "told"),
    [
        pytest.param(
            [make_body(tools=A), make_body(tools=B), make_body(tools=B)],
            [[ToolsChanged(KEY, A, B, 8, 8)], []],
            id="once",
        ),
        pytest.param([NONE, make_body(tools=A)], [[]], id="the first list"),
        pytest.param(
            [make_body(tools=A), NONE, make_body(tools=A)], [[], []], id="not known for a while"
        ),
        pytest.param(
            [make_body(tools=A), NONE, make_body(tools=B)],
            [[], [ToolsChanged(KEY, A, B, 8, 8)]],
            id="by way of unknown",
        ),
        pytest.param(
            [make_body(tools=A), make_body(capabilities=["prompts"]), make_body(tools=B)],
            [[ToolsChanged(KEY, A, "", 8, 0)], [ToolsChanged(KEY, "", B, 0, 8)]],
            id="offers none any more",
        ),
        pytest.param(
            [make_body(tools=A), make_body(capabilities=["tools"])], [[]], id="lets nobody ask"
        ),
        pytest.param([make_body(tools=A), make_body(tools="")], [[]], id="too long to be read"),
    ],
)
def test_a_change_of_the_tools_is_told_once(
    bodies: list[dict[str, Any]], told: list[list[WorkloadEvent]]
) -> None:
    """A list that nobody has read is no other list."""
    assert news(*bodies) == told


def test_a_pin_that_no_longer_holds_is_two_events() -> None:
    """The tools changed; so the workload is not verified."""
    wrong = make_body("False", "ToolsChanged", tools=B)

    assert news(make_body("True", "HandshakeOk", tools=A), wrong) == [
        [ToolsChanged(KEY, A, B, 8, 8), WorkloadUnverified(KEY, "ToolsChanged", "an HTML page")]
    ]


def test_an_older_state_tells_nothing() -> None:
    """An API server that lags behind shows what was told already."""
    old, new = make_body("True", "HandshakeOk", version=9), make_body("False", "NotMcp", version=10)

    assert news(old, new, old, new) == [[WRONG], [], []]


def test_a_workload_of_the_same_name_begins_anew() -> None:
    """Whether its predecessor was seen to go or not."""
    successor = make_body("True", "HandshakeOk", tools=B, uid="two", version=2)
    ledger = VerifiedLedger()
    ledger.take(KEY, make_body("True", "HandshakeOk", tools=A, version=1))

    assert ledger.take(KEY, successor) == [VERIFIED]

    ledger.forget(KEY)
    ledger.forget(KEY)
    assert ledger.take(KEY, BAD) == [WRONG]
