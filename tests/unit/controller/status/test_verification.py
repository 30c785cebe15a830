"""The condition Verified, what it does to Ready, and what the server says of itself."""

from dataclasses import replace
from typing import Any

import pytest

from mcpworkload.controller.answers import Answers, PodAnswer
from mcpworkload.controller.desired import DEFAULT_POLICY, Check, build_check
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.status import StatusInput, build_status, report_exits
from mcpworkload.controller.status.verification import Verified, report_verification
from mcpworkload.kube.objects import Pod
from mcpworkload.verification.finding import Result, Server, ToolList
from tests.support.parsed import NOON, make_observation, make_pod, make_service, make_workload

TOOLS = ToolList(1, f"sha256:{'a' * 64}", {"echo": b"1"})
WEATHER = Server("modern", "2026-07-28", name="weather", version="1.0", tools=TOOLS)
OK = PodAnswer(1.0, Result.HANDSHAKE_OK, server=WEATHER)
PENDING, OLDER = PodAnswer(), PodAnswer(is_older=True)
NOT_MCP = PodAnswer(1.0, Result.NOT_MCP, "POST /mcp was answered with 404", failures=2)
AUTH = PodAnswer(1.0, Result.AUTH_REQUIRED, failures=1)
UNREACHABLE = PodAnswer(1.0, Result.UNREACHABLE, failures=2)
PODS = tuple(make_pod(f"weather-{number}", ready=True) for number in range(2))


def observe(*answers: PodAnswer, pods: tuple[Pod, ...] = PODS, **known: Any) -> Observation:
    """Two ready pods, and what they have answered."""
    given = {pod.metadata.uid: each for pod, each in zip(pods, answers, strict=False)}
    observation = make_observation(*pods[: len(answers)], children=(make_service(),))
    return replace(observation, answers=Answers(given, **known))


def check(**verification: Any) -> Check:
    """How a workload with those fields is verified."""
    return build_check(make_workload(verification=verification), DEFAULT_POLICY)


def report(
    *answers: PodAnswer,
    stored: Any = None,
    replicas: int = 2,
    how: Check | None = None,
    **more: Any,
) -> Verified:
    """The condition with those answers."""
    return report_verification(how or check(), observe(*answers, **more), stored or {}, replicas)


def with_tools(answer: PodAnswer, digest: str) -> PodAnswer:
    """*answer* of a server with another list of tools."""
    server = replace(WEATHER, tools=replace(TOOLS, digest=digest))
    return replace(answer, server=server)


@pytest.mark.parametrize(
    ("answers", "reason", "status", "said"),
    [
        ((OK, OK), "HandshakeOk", "True", "2 of 2 pods answered: weather 1.0, modern 2026-07-28"),
        ((OK, PENDING), "Pending", "Unknown", "not every pod has answered"),
        ((), "Pending", "Unknown", "not every pod has answered"),
        ((OK, NOT_MCP), "NotMcp", "False", "pod weather-1: POST /mcp was answered with 404"),
        ((PENDING, NOT_MCP), "NotMcp", "False", "pod weather-1"),
        ((OK, AUTH), "AuthRequired", "Unknown", "write verification.headersFrom"),
        ((UNREACHABLE, OK), "Unreachable", "Unknown", "namespace mcpworkload-system in on port"),
        ((OK, with_tools(OK, "sha256:b")), "PodsDisagree", "False", "differ in tools: weather-0"),
    ],
)
def test_the_condition(answers: Any, reason: str, status: str, said: str) -> None:
    """The worst of what the pods answered, in a sentence that says what to do."""
    found = report(*answers)

    assert (found.reason, found.status) == (reason, status)
    assert said in found.message


@pytest.mark.parametrize(
    ("answer", "is_blocking"),
    [(OK, False), (NOT_MCP, True), (AUTH, False), (UNREACHABLE, False), (PENDING, False)],
)
def test_what_keeps_ready_from_being_true(answer: PodAnswer, is_blocking: bool) -> None:
    """A wrong answer; where the operator cannot ask, Ready is as without it."""
    assert report(answer, replicas=1).is_blocking == is_blocking


def test_pods_that_differ_serve_all_the_same() -> None:
    """Somebody has to see it; clients may not mind."""
    assert not report(OK, with_tools(OK, "sha256:b")).is_blocking


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(OK, "HandshakeOk", id="the tools that were pinned"),
        pytest.param(with_tools(OK, f"sha256:{'b' * 64}"), "ToolsChanged", id="other tools"),
        pytest.param(with_tools(OK, ""), "ToolsChanged", id="more than can be read"),
        pytest.param(
            replace(OK, server=replace(WEATHER, tools=None)), "ToolsChanged", id="no tools"
        ),
    ],
)
def test_pinned_tools(answer: PodAnswer, reason: str) -> None:
    """Others make the workload not Ready."""
    found = report(answer, replicas=1, how=check(expectTools=TOOLS.digest))

    assert found.reason == reason
    assert found.is_blocking == (reason == "ToolsChanged")


def test_headers_that_could_not_be_read_explain_a_refusal() -> None:
    """What the operator lacks comes before what the user should write."""
    how = check(headersFrom=[{"secretRef": {"name": "key"}}])
    missing = "the operator is not allowed to read Secret key"

    assert missing in report(AUTH, how=how, missing_headers=missing).message
    assert "do not let the operator in" in report(AUTH, how=how).message


STORED = {
    "conditions": [
        {"type": "Ready", "status": "True", "reason": "Ready", "message": ""},
        {"type": "Verified", "status": "True", "reason": "HandshakeOk", "message": "as it was"},
    ],
    "server": {"era": "legacy", "name": "weather"},
}


def test_a_restart_of_the_operator_changes_nothing() -> None:
    """Until every server that ran before has answered, what is stored stands."""
    found = report(OLDER, OK, stored=STORED)

    assert (found.reason, found.status, found.message) == ("HandshakeOk", "True", "as it was")
    assert found.server is not None
    assert not found.is_blocking


@pytest.mark.parametrize(
    ("reason", "status", "pin", "is_blocking"),
    [
        ("NotMcp", "False", {}, True),
        ("ToolsChanged", "False", {}, True),
        ("PodsDisagree", "False", {}, False),
        ("Unreachable", "Unknown", {}, False),
        ("Unreachable", "Unknown", {"expectTools": TOOLS.digest}, True),
        ("HandshakeOk", "True", {"expectTools": TOOLS.digest}, False),
    ],
)
def test_a_restart_of_the_operator_makes_no_wrong_server_ready(
    reason: str, status: str, pin: Any, is_blocking: bool
) -> None:
    """Whatever kept Ready from being True before: it may have been something else."""
    before = {"type": "Verified", "status": status, "reason": reason, "message": ""}
    found = report(OLDER, stored={"conditions": [before]}, how=check(**pin))

    assert found.is_blocking == is_blocking


@pytest.mark.parametrize("answer", [AUTH, UNREACHABLE])
def test_nobody_slips_past_a_pin_by_keeping_the_operator_out(answer: PodAnswer) -> None:
    """What cannot be compared is not accepted, and the message says so."""
    found = report(answer, replicas=1, how=check(expectTools=TOOLS.digest))

    assert found.is_blocking
    assert "expectTools cannot be checked" in found.message


def test_the_kubelet_is_a_witness_only_where_it_probes_the_port() -> None:
    """A probe of the user's own shows nothing about the port."""
    probes = {"readiness": {"exec": {"command": ["true"]}}}
    own = build_check(make_workload(probes=probes), DEFAULT_POLICY)

    assert "though the kubelet can" in report(UNREACHABLE, replicas=1).message
    assert "though the kubelet can" not in report(UNREACHABLE, replicas=1, how=own).message


def test_all_pods_that_differ_are_named() -> None:
    """As far as a message can hold them."""
    pods = tuple(make_pod(f"weather-{number}", ready=True) for number in range(9))
    others = [with_tools(OK, f"sha256:{number}") for number in range(8)]

    words = report(OK, *others, pods=pods, replicas=9).message
    assert "weather-5 is" in words
    assert "weather-6" not in words
    assert words.endswith("and 3 more")


def test_without_a_valid_spec_the_condition_stays() -> None:
    """As all else does of which nothing new is known."""
    found = report_verification(None, observe(NOT_MCP), STORED, 1)

    assert (found.reason, found.message) == ("HandshakeOk", "as it was")


def test_off_and_at_rest() -> None:
    """Off leaves no trace; at rest there is nobody to ask, and who it was is still known."""
    off = report(OK, how=check(mode="Off"), stored=STORED)
    rest = report(stored=STORED, replicas=0)

    assert (off.reason, off.server) == (None, None)
    assert (rest.reason, rest.status) == ("NoPods", "Unknown")
    assert rest.server is not None


def build(*answers: PodAnswer, stored: Any = None, **spec: Any) -> dict[str, Any]:
    """The whole status with those answers."""
    workload = make_workload(status=stored, replicas=len(answers), **spec)
    inputs = StatusInput.of(workload, check=build_check(workload, DEFAULT_POLICY))
    observation = observe(*answers)
    ends = report_exits(inputs, observation)
    return build_status(inputs, observation, {}, {}, None, ends, NOON)


def of(status: dict[str, Any], kind: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    found = next(each for each in status["conditions"] if each["type"] == kind)
    return found["status"], found["reason"]


@pytest.mark.parametrize(
    ("answers", "available", "ready"),
    [
        ((OK, OK), ("True", "ReplicasReady"), ("True", "Ready")),
        ((OK, NOT_MCP), ("True", "ReplicasReady"), ("False", "NotMcp")),
        ((PENDING, PENDING), ("False", "Starting"), ("False", "Starting")),
        ((AUTH, UNREACHABLE), ("True", "ReplicasReady"), ("True", "Ready")),
    ],
)
def test_ready_means_that_a_tool_call_works(answers: Any, available: Any, ready: Any) -> None:
    """Not that a port is open; what the kubelet calls ready is to answer first."""
    status = build(*answers)

    assert of(status, "Available") == available
    assert of(status, "Ready") == ready


def test_while_servers_are_awaited_the_status_is_that_of_a_start() -> None:
    """So the handshake costs no write of its own."""
    starting = build(PENDING)
    unready = replace(
        observe(PENDING), pods={"weather-0": make_pod()}, labelled={"weather-0": make_pod()}
    )
    workload = make_workload(replicas=1)
    inputs = StatusInput.of(workload, check=build_check(workload, DEFAULT_POLICY))
    before = build_status(inputs, unready, {}, {}, None, report_exits(inputs, unready), NOON)

    assert starting == before


def test_what_the_server_says_of_itself() -> None:
    """As it is stored: what it did not say is left out."""
    server = replace(WEATHER, capabilities=("tools",), instructions_length=12, prompts=2)

    assert build(replace(OK, server=server))["server"] == {
        "era": "modern",
        "protocolVersion": "2026-07-28",
        "supportedVersions": [],
        "name": "weather",
        "title": "",
        "version": "1.0",
        "instructionsLength": 12,
        "capabilities": ["tools"],
        "tools": {"count": 1, "digest": TOOLS.digest},
        "prompts": {"count": 2},
    }


def test_the_name_of_a_server_is_shown_though_the_spec_has_it_too() -> None:
    """What a wrong server says may quote the spec; who a server is stands in the status anyway."""
    args = ["--name", "weather", "--key", "hunter22"]
    wrong = replace(NOT_MCP, message="POST /mcp was answered with hunter22")

    good = next(c for c in build(OK, args=args)["conditions"] if c["type"] == "Verified")
    bad = [c["message"] for c in build(wrong, args=args)["conditions"] if c["reason"] == "NotMcp"]

    assert "weather 1.0" in good["message"]
    assert len(bad) == 2
    assert not [message for message in bad if "hunter22" in message]
