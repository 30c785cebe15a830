"""The account of a server that is attached to: when it is made, kept as it is, and taken away."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.controller.children import ATTACH_KINDS
from mcpworkload.controller.desired import Child, build_children
from mcpworkload.controller.plan.observation import Applied, Observation
from mcpworkload.controller.plan.plan import Apply, plan, plan_prunes
from mcpworkload.kube.errors import Forbidden
from mcpworkload.kube.objects import LiveChild, Pod, Role, RoleBinding, ServiceAccount
from tests.support.bridged import POLICY, attach, inject
from tests.support.harness import KEY, FakeCluster, make_harness
from tests.support.parsed import UID, make_observation, make_pod, make_workload

KINDS: dict[str, type[LiveChild]] = {
    "Role": Role,
    "RoleBinding": RoleBinding,
    "ServiceAccount": ServiceAccount,
}
ACCOUNTS = [
    child
    for child in build_children(make_workload(**attach()), POLICY)
    if child.id.kind in ATTACH_KINDS
]


def live(child: Child, **changes: Any) -> LiveChild:
    """*child* as the API server has it, with *changes* to its content."""
    content = {**child.manifest, **changes}
    content["metadata"] = {**content["metadata"], "uid": child.id.kind, "resourceVersion": "200"}
    return msgspec.json.decode(msgspec.json.encode(content), type=KINDS[child.id.kind])


def observe(*pods: Pod) -> Observation:
    """A workload with an account, and with *pods*."""
    return make_observation(*pods, children=[live(child) for child in ACCOUNTS])


def planned(child: Child, found: LiveChild) -> Apply | None:
    """The one step for *child*, or None."""
    steps = plan(UID, [child], Observation(children={child.id: found}), {})
    assert all(isinstance(step, Apply) for step in steps)
    return next((step for step in steps if isinstance(step, Apply)), None)


async def test_the_service_account_exists_before_the_pods() -> None:
    """None can be made without it, and no Role can be granted before it is there."""
    harness = make_harness(policy=POLICY, **attach())

    await harness.reconcile(KEY)

    applied = [call for call in harness.cluster.calls if call.startswith("apply")]
    assert applied == [
        "apply Service weather",
        "apply ServiceAccount weather-mcpw-bridge",
        "apply Role weather-mcpw-bridge",
        "apply RoleBinding weather-mcpw-bridge",
        "apply StatefulSet weather",
    ]


async def test_without_the_service_account_there_are_no_pods() -> None:
    """The API server's words say which right the operator lacks."""
    harness = make_harness(policy=POLICY, **attach())
    refused = Forbidden("attempting to grant RBAC permissions not currently held", status=403)
    harness.cluster.failures["Role weather-mcpw-bridge"] = refused

    await harness.reconcile(KEY)

    assert "apply StatefulSet weather" not in harness.cluster.calls
    condition = harness.cluster.statuses[-1]["conditions"][0]
    assert condition["reason"] == "Rejected"
    assert "the API server refuses the Role weather-mcpw-bridge: attempting" in condition["message"]


@pytest.mark.parametrize("child", ACCOUNTS, ids=lambda child: child.id.kind)
def test_a_service_account_as_desired_needs_no_step(child: Child) -> None:
    """A second pass writes nothing."""
    assert planned(child, live(child)) is None


@pytest.mark.parametrize(
    ("kind", "changes", "because"),
    [
        ("ServiceAccount", {"automountServiceAccountToken": True}, "automountServiceAccountToken"),
        ("Role", {"rules": []}, "rules"),
        (
            "Role",
            {
                "rules": [
                    {
                        "apiGroups": [""],
                        "resources": ["pods/attach"],
                        "resourceNames": ["weather-0"],
                        "verbs": ["*"],
                    }
                ]
            },
            "rules[0].verbs",
        ),
        ("RoleBinding", {"subjects": None}, "subjects"),
    ],
)
def test_drift_is_mended_and_named(kind: str, changes: dict[str, Any], because: str) -> None:
    """These have no spec; what they have instead is compared all the same."""
    child = next(child for child in ACCOUNTS if child.id.kind == kind)

    step = planned(child, live(child, **changes))

    assert step is not None
    assert step.because == f"another client changed {because}"


@pytest.mark.parametrize(
    ("pods", "is_free"),
    [
        pytest.param([make_pod()], True, id="all are of the newest template"),
        pytest.param([], True, id="there are none"),
        pytest.param([make_pod(revision="old")], False, id="an older one runs"),
        pytest.param([make_pod(terminating=True, revision="old")], False, id="an older one ends"),
    ],
)
def test_a_service_account_stays_as_long_as_pods_that_run_as_it(
    pods: list[Pod], is_free: bool
) -> None:
    """Its token would be worth nothing, and no pod of the older template could be made anew."""
    wanted = {child.id for child in build_children(make_workload(**inject()), POLICY)}

    prunes = plan_prunes(UID, wanted, observe(*pods), (), {})

    assert {prune.id.kind for prune in prunes} == (set(ATTACH_KINDS) if is_free else set())


def test_whether_pods_are_older_is_not_known_at_once() -> None:
    """The StatefulSet controller has to have seen the change first."""
    wanted = {child.id for child in build_children(make_workload(**inject()), POLICY)}
    applied = {ChildId("StatefulSet", "weather"): Applied("d", "sts", version=5000)}

    assert plan_prunes(UID, wanted, observe(make_pod()), (), applied) == ()


async def test_a_service_account_no_longer_asked_for_is_deleted_by_its_uid() -> None:
    """Once the pods have been replaced."""
    cluster = FakeCluster(observe(make_pod(ready=True)))
    harness = make_harness(cluster, POLICY, **inject())

    await harness.reconcile(KEY)
    assert not [call for call in cluster.calls if call.startswith("delete")]

    caught_up = dict.fromkeys(cluster.observation.versions, 5000)
    cluster.observation = replace(cluster.observation, versions=caught_up)
    await harness.reconcile(KEY)
    assert sorted(call for call in cluster.calls if call.startswith("delete")) == [
        "delete Role weather-mcpw-bridge Role",
        "delete RoleBinding weather-mcpw-bridge RoleBinding",
        "delete ServiceAccount weather-mcpw-bridge ServiceAccount",
    ]
