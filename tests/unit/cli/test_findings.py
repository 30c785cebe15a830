"""What `doctor` makes of what it sees, and in which order it says it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mcpworkload.api.reasons import (
    AcceptedReason,
    AvailableReason,
    IsolatedReason,
    ReadyReason,
    VerifiedReason,
)
from mcpworkload.cli.advice import ADVICE, advice_for
from mcpworkload.cli.codes import ExitCode
from mcpworkload.cli.findings import (
    Finding,
    Right,
    in_order,
    judge_deployments,
    judge_fields,
    judge_isolation,
    judge_lease,
    judge_rights,
    judge_workload,
)
from mcpworkload.runtime import RightsMissing
from tests.support.commands import CommandHarness, Manifest, make_body

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def served(*fields: str) -> Manifest:
    """The OpenAPI document of a CRD whose spec has those fields."""
    schema = {
        "x-kubernetes-group-version-kind": [{"kind": "MCPWorkload"}],
        "properties": {"spec": {"properties": {field: {} for field in fields}}},
    }
    return {"components": {"schemas": {"list": {}, "one": schema}}}


def deployment(replicas: int, ready: int) -> Manifest:
    """The operator's Deployment."""
    env = [
        {"name": "POD_NAME"},
        {"name": "MCPWORKLOAD_BRIDGE_IMAGE", "value": "bridge:1"},
        {"name": "MCPWORKLOAD_EGRESS_IMAGE", "value": "egress:1"},
    ]
    pod = {"spec": {"containers": [{"image": "op:1", "env": env}]}}
    return {
        "metadata": {"name": "operator"},
        "spec": {"replicas": replicas, "template": pod},
        "status": {"readyReplicas": ready},
    }


def lease(holder: str, renewed: str) -> Manifest:
    """The Lease of who leads."""
    spec = {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15}
    return {"spec": spec}


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        pytest.param(judge_fields(served("a", "b"), frozenset("ab")), "ok", "version", id="same"),
        pytest.param(judge_fields(served("a"), frozenset("ab")), "warn", "older", id="older"),
        pytest.param(judge_fields(served("a", "b"), frozenset("a")), "warn", "newer", id="newer"),
        pytest.param(
            judge_fields({"components": {"schemas": {}}}, frozenset()), "FAIL", "no MCPW", id="none"
        ),
        pytest.param(judge_deployments([deployment(1, 1)], "s"), "ok", "op:1", id="runs"),
        pytest.param(judge_deployments([deployment(0, 0)], "s"), "FAIL", "zero", id="zero"),
        pytest.param(judge_deployments([deployment(1, 0)], "s"), "FAIL", "not ready", id="down"),
        pytest.param(judge_deployments([], "s"), "FAIL", "namespace s", id="absent"),
        pytest.param(
            judge_lease(lease("a", "2026-01-01T11:59:50.000000Z"), NOON), "ok", "a leads", id="lead"
        ),
        pytest.param(
            judge_lease(lease("a", "2026-01-01T11:58:00.000000Z"), NOON), "FAIL", "120 s", id="gone"
        ),
        pytest.param(judge_lease(lease("", ""), NOON), "FAIL", "no operator", id="nobody"),
    ],
)
def test_installation(finding: Finding, level: str, words: str) -> None:
    """Each state has its level; bad news come with what to do."""
    assert finding.level == level
    assert words in finding.what
    assert bool(finding.advice) == (level != "ok")


def test_each_missing_right_is_named_with_what_it_is_for() -> None:
    """As it stands in a Role; a single good word if nothing is missing."""
    right = Right("create", "", "pods", "call", "portforward")

    assert [str(finding.level) for finding in judge_rights("you", [(right, True)], "warn")] == [
        "ok"
    ]
    (finding,) = judge_rights("you", [(right, False)], "warn")
    assert finding.what == "you may not create pods/portforward: call"


def conditions(**reasons: str) -> list[dict[str, Any]]:
    """Conditions that are False, by type."""
    return [
        {"type": kind, "status": "False", "reason": reason, "message": f"about {reason}"}
        for kind, reason in reasons.items()
    ]


@pytest.mark.parametrize(
    ("status", "levels", "words"),
    [
        ({}, ["ok"], "demo/weather is ready"),
        ({"observedGeneration": 0}, ["FAIL"], "has not acted upon"),
        (
            {"conditions": conditions(Available="CrashLooping", Ready="CrashLooping")},
            ["FAIL"],
            "CrashLooping: about CrashLooping",
        ),
        ({"conditions": conditions(Available="Starting")}, ["warn"], "Starting"),
        ({"restarts": 3}, ["warn"], "3 unexpected exits"),
    ],
)
def test_a_workload(status: Manifest, levels: list[str], words: str) -> None:
    """Nothing is said twice, and nothing that passes by itself is called wrong."""
    findings = judge_workload(make_body(**status))

    assert [finding.level for finding in findings] == levels
    assert words in findings[0].what


def test_causes_come_before_what_follows_from_them() -> None:
    """The sort keeps the order within a level."""
    findings = [
        Finding("ok", "1"),
        Finding("warn", "2"),
        Finding("FAIL", "3"),
        Finding("FAIL", "4"),
    ]

    assert [finding.what for finding in in_order(findings)] == ["3", "4", "2", "1"]


def answers(**changes: Any) -> dict[str, Any]:
    """A cluster in which all is well, except for *changes*."""
    review = "/apis/authorization.k8s.io/v1"
    from mcpworkload.api.spec import WorkloadSpec

    fields = WorkloadSpec.model_json_schema(by_alias=True)["properties"]
    now = datetime.now(UTC).isoformat()
    found = {
        "version": "/version",
        "group": "/apis/mcpworkload.dev/v1alpha1",
        "openapi": "/openapi/v3/apis/mcpworkload.dev/v1alpha1",
        "operator": "/apis/apps/v1/namespaces/mcpworkload-system/deployments",
        "lease": (
            "/apis/coordination.k8s.io/v1/namespaces/mcpworkload-system/leases/mcpworkload-operator"
        ),
        "theirs": f"{review}/subjectaccessreviews",
        "ours": f"{review}/selfsubjectaccessreviews",
    }
    well = {
        "version": {"gitVersion": "v1.35.4"},
        "group": {},
        "openapi": served(*fields),
        "operator": {"items": [deployment(1, 1)]},
        "lease": lease("a", now),
        "theirs": {"status": {"allowed": True}},
        "ours": {"status": {"allowed": True}},
    }
    return {found[key]: value for key, value in {**well, **changes}.items()}


def test_doctor_says_that_all_is_well() -> None:
    """Six good words about the installation, a seventh about the workload."""
    harness = CommandHarness(make_body(), answers=answers())

    result = harness.run("doctor", "weather")

    assert result.exit_code == ExitCode.OK, result.stdout
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ok"] * 7


def test_doctor_blames_the_operator_only_where_it_can_be_the_cause() -> None:
    """A status of an older spec: the operator comes first; else the workload's own trouble."""
    down = answers(operator={"items": [deployment(0, 0)]})
    old = CommandHarness(make_body(observedGeneration=0), answers=down)
    crashing = CommandHarness(
        make_body(conditions=conditions(Available="CrashLooping")), answers=down
    )

    assert "scaled to zero" in old.run("doctor", "weather").stdout.splitlines()[0]
    result = crashing.run("doctor", "weather")
    assert "CrashLooping" in result.stdout.splitlines()[0]
    assert result.exit_code == ExitCode.FAILED
    assert result.stderr == "error: 2 of 7 findings are failures\n"


def test_doctor_goes_on_where_it_may_not_read() -> None:
    """Rights that are missing are one warning, not the end, and an admin's to look at."""

    def refuse(_: Any) -> None:
        raise RightsMissing("no", advice="ask")

    result = CommandHarness(answers=answers(lease=refuse, theirs=refuse)).run(
        "doctor", "-o", "json"
    )

    assert result.exit_code == ExitCode.OK
    (warning,) = (one for one in json.loads(result.stdout) if one["level"] == "warn")
    assert warning["what"] == "you have no right to read its Lease, its rights"
    assert "admin" in warning["advice"]


def test_doctor_says_which_stdio_servers_cannot_be_served() -> None:
    """None without a bridge; those without a command where the operator may not attach."""
    bare = deployment(1, 1)
    del bare["spec"]["template"]["spec"]["containers"][0]["env"]

    def may_all_but_attach(body: Manifest) -> Manifest:
        return {
            "status": {"allowed": body["spec"]["resourceAttributes"]["subresource"] != "attach"}
        }

    changes = {"operator": {"items": [bare]}, "theirs": may_all_but_attach}
    result = CommandHarness(answers=answers(**changes)).run("doctor")

    assert result.exit_code == ExitCode.OK
    assert "servers of transport stdio are refused" in result.stdout
    assert "may not create pods/attach: stdio servers without a command" in result.stdout

    denied = deployment(1, 1)
    env = denied["spec"]["template"]["spec"]["containers"][0]["env"]
    env.append({"name": "MCPWORKLOAD_ATTACH", "value": "denied"})
    changes["operator"] = {"items": [denied]}
    assert "stdio" not in CommandHarness(answers=answers(**changes)).run("doctor").stdout


def test_the_cause_comes_first_and_what_follows_from_it_not_at_all() -> None:
    """A spec that is not accepted: one finding, with what to do and not where to read it."""
    body = make_body(
        conditions=conditions(
            Accepted="ReferenceNotFound", Available="NotAccepted", Ready="ReferenceNotFound"
        )
    )

    (finding,) = judge_workload(body)

    assert finding.what == "demo/weather: ReferenceNotFound: about ReferenceNotFound"
    assert finding.advice == "create what is missing, or write optional: true"


def test_there_is_advice_about_every_reason_that_is_no_good_news() -> None:
    """One line for each, with the names of the workload in commands to copy."""
    good = {"Accepted", "ReplicasReady", "Ready", "Enforced", "NotAccepted", "HandshakeOk"}
    kinds = (AcceptedReason, AvailableReason, ReadyReason, VerifiedReason, IsolatedReason)
    reasons = {reason for kind in kinds for reason in kind} - good

    assert reasons == ADVICE.keys()
    assert "\n" not in "".join(ADVICE.values())
    assert advice_for("ScaledToZero", "a", "b") == "kubectl scale -n b mcpw a --replicas=1"
    assert advice_for("CrashLooping", "a", "b").startswith(
        "correct what its output complains about: mcpworkload logs b/a --previous"
    )


@pytest.mark.parametrize(
    ("status", "reason", "profile", "level"),
    [
        ("True", "Enforced", {"builtin": "none"}, "ok"),
        ("False", "NotRequested", {"read": ["configmap://a:/b"]}, "ok"),
        ("False", "NotRequested", {"network": {"mode": "none"}}, "warn"),
        ("False", "NotRequested", {"builtin": "none"}, "warn"),
        ("False", "RollingOut", {}, "warn"),
        ("False", "InboundHostNotEnforceable", {}, "warn"),
        ("Unknown", "GateWaived", {}, "warn"),
        ("Unknown", "EngineNotSeen", {}, "FAIL"),
    ],
)
def test_isolation_is_judged_by_what_was_asked_for(
    status: str, reason: str, profile: Manifest, level: str
) -> None:
    """A server that starts is no failure; rules that nothing enforces are."""
    body = make_body()
    body["spec"]["permissionProfile"] = profile
    body["status"]["conditions"].append(
        {"type": "Isolated", "status": status, "reason": reason, "message": "words"}
    )

    (finding,) = judge_workload(body)

    assert finding.level == level
    assert (reason in finding.what) == (level != "ok")


@pytest.mark.parametrize("reason", [each for each in VerifiedReason if each != "HandshakeOk"])
def test_what_is_not_known_of_a_server_is_no_failure(reason: VerifiedReason) -> None:
    """What is wrong with it is."""
    body = make_body()
    body["status"]["conditions"].append(
        {"type": "Verified", "status": reason.status, "reason": reason, "message": "words"}
    )

    (finding,) = judge_workload(body)

    assert finding.level == ("warn" if reason.status == "Unknown" else "FAIL")
    assert finding.what == f"demo/weather: {reason}: words"


def test_an_installation_that_cannot_isolate_is_warned_about() -> None:
    """Of its egress proxy and its gate."""
    assert judge_isolation({"MCPWORKLOAD_EGRESS_IMAGE": "egress:1"}) == []
    found = judge_isolation({"MCPWORKLOAD_GATE": "waived"})
    assert [finding.level for finding in found] == ["warn", "warn"]
    assert "MCPWORKLOAD_EGRESS_IMAGE" in found[0].advice
    assert "MCPWORKLOAD_GATE" in found[1].advice


def test_whoever_sees_one_namespace_is_sent_to_an_admin_once() -> None:
    """Six looks that are refused are one warning; the workload is still looked at."""

    def refuse(_: Any) -> None:
        raise RightsMissing("no", advice="ask")

    hidden = dict.fromkeys(("group", "operator", "lease", "theirs"), refuse)
    harness = CommandHarness(make_body(), answers=answers(**hidden))

    lines = harness.run("doctor", "weather").stdout.splitlines()

    assert len([line for line in lines if line.startswith("warn")]) == 1
    assert "ok   demo/weather is ready" in lines
