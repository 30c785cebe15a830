"""What the operator does when others' changes keep a child from being applied."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec
import pytest

from mcpworkload.api import names
from mcpworkload.api.refusals import ChildConflict, Rejected
from mcpworkload.controller.desired import DEFAULT_POLICY, build_children, find_forbidden
from mcpworkload.controller.execute import Executor
from mcpworkload.controller.plan.comparison import compare_child
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.plan.plan import Apply, plan
from mcpworkload.controller.state import WorkloadState
from mcpworkload.kube.errors import Refused
from mcpworkload.kube.objects import StatefulSet
from tests.support.harness import KEY, FakeCluster, make_field_conflict
from tests.support.parsed import UID, make_statefulset, make_workload

SERVICE = build_children(make_workload())[0]
NAME = "Service weather"
INVALID = Refused("spec.ports[1].name: Duplicate value", status=422)
OURS = {"manager": names.FIELD_MANAGER, "operation": "Apply"}
THEIRS = {"manager": "kubectl-patch", "operation": "Update"}
STATUS = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"}
PORT: dict[str, Any] = SERVICE.manifest["spec"]["ports"][0]
REPAIR = Apply(
    SERVICE, "svc", True, "changed", version=9, fingerprint="f", changed="spec.ports[8080].port"
)


def make_cluster(*authors: dict[str, str]) -> FakeCluster:
    """A Service whose port somebody changed, which therefore cannot be applied."""
    spec = {**SERVICE.manifest["spec"], "ports": [{**PORT, "port": 80, "targetPort": 80}]}
    metadata = {**SERVICE.manifest["metadata"], "uid": "svc", "managedFields": [OURS, *authors]}
    whole = {
        **SERVICE.manifest,
        "metadata": metadata,
        "spec": {**spec, "externalIPs": ["10.9.9.9"]},
    }
    return FakeCluster(whole={NAME: whole}, failures={NAME: INVALID})


@dataclass
class Hand:
    """Carries out steps for a workload, one after the other, and remembers what they showed."""

    cluster: FakeCluster
    state: WorkloadState = field(default_factory=lambda: WorkloadState(UID))

    async def execute(self, step: Apply) -> None:
        """Execute *step*; raise its failure."""
        cluster: Any = self.cluster
        done = await Executor(cluster, KEY, self.state, lambda: cluster.seconds).execute([step])
        self.state = self.state.after_steps(done.learned)
        if done.failure:
            raise done.failure


async def test_what_keeps_a_field_from_coming_back_goes_first() -> None:
    """In one update; what was held by that is let go of, and the drift is told."""
    cluster = make_cluster(STATUS, THEIRS)
    hand = Hand(cluster)

    await hand.execute(REPAIR)

    force = f"force {NAME} svc"
    assert cluster.calls == [
        force, f"whole {NAME}", f"put {NAME} svc", force, f"disown {NAME}"
    ]  # fmt: skip
    assert cluster.updates == [{"spec": {**SERVICE.manifest["spec"], "externalIPs": ["10.9.9.9"]}}]
    assert [each.reason for each in hand.state.news] == ["DriftReverted"]
    # What comes by the watch up to there is the past.
    assert hand.state.applied[SERVICE.id].version == cluster.version


async def test_drift_is_reported_though_another_client_writes_at_the_same_moment() -> None:
    """The controller of StatefulSets follows each update with one of its own."""
    cluster = make_cluster(THEIRS)
    hand = Hand(cluster)
    cluster.busy = 2

    await hand.execute(REPAIR)

    assert cluster.calls.count(f"disown {NAME}") == 3
    assert [each.reason for each in hand.state.news] == ["DriftReverted"]


async def test_as_little_goes_as_will_do() -> None:
    """All that others added only where the first update was refused."""
    cluster = make_cluster(THEIRS)
    hand = Hand(cluster)
    cluster.refused_updates[NAME] = [INVALID]

    await hand.execute(REPAIR)

    assert cluster.updates == [{"spec": SERVICE.manifest["spec"]}]


@pytest.mark.parametrize("step", [REPAIR, replace(REPAIR, changed="", fingerprint="", version=0)])
async def test_a_changed_spec_meets_the_same(step: Apply) -> None:
    """What others added may be in the way of something new as well."""
    cluster = make_cluster(THEIRS)
    hand = Hand(cluster)

    await hand.execute(step)

    assert len(cluster.updates) == 1
    assert len(hand.state.news) == bool(step.changed)


@pytest.mark.parametrize("authors", [(), (STATUS,)])
async def test_where_no_one_else_wrote_the_spec_is_at_fault(authors: Any) -> None:
    """Nothing is written for it, and the API server's words are told."""
    cluster = make_cluster(*authors)
    hand = Hand(cluster)

    with pytest.raises(Rejected, match="Duplicate value"):
        await hand.execute(REPAIR)

    assert cluster.calls == [f"force {NAME} svc", f"whole {NAME}"]


async def test_where_nothing_helps_the_spec_is_at_fault() -> None:
    """After all that others added was out, too; and then not again."""
    cluster = make_cluster(THEIRS)
    hand = Hand(cluster)
    cluster.refused_updates[NAME] = [INVALID] * 9

    for _ in range(3):
        with pytest.raises(Rejected, match="Duplicate value"):
            await hand.execute(REPAIR)

    assert cluster.calls.count(f"put {NAME} svc") == 2
    assert cluster.calls.count(f"force {NAME} svc") == 1


@pytest.mark.parametrize("uid", ["other", None])
async def test_another_object_of_the_name_is_left_alone(uid: str | None) -> None:
    """It came between our look and our write."""
    cluster = make_cluster(THEIRS)
    hand = Hand(cluster)
    if uid is None:
        del cluster.whole[NAME]
    else:
        cluster.whole[NAME]["metadata"]["uid"] = uid

    with pytest.raises(Rejected):
        await hand.execute(REPAIR)

    assert cluster.updates == []


async def test_an_entry_under_another_key_goes_without_a_refusal() -> None:
    """Two servers in a pod are nothing that the API server would refuse."""
    cluster = make_cluster(THEIRS)
    hand = Hand(cluster)

    await hand.execute(replace(REPAIR, is_renamed=True))

    calls = [call.partition(" ")[0] for call in cluster.calls]
    assert calls == ["whole", "put", "force", "disown"]


async def test_who_holds_an_orphans_fields_is_asked_once_for_each_version() -> None:
    """Until somebody changes the object, another try has the same answer."""
    cluster = FakeCluster(failures={NAME: make_field_conflict("conflict with helm: .spec.type")})
    hand = Hand(cluster)
    orphan = Apply(SERVICE, "svc", force=False, because="it has lost its owner", version=7)
    expected = f"another client manages fields of the {SERVICE.id}: conflict with helm"

    for step in (orphan, orphan, orphan, replace(orphan, version=8)):
        with pytest.raises(ChildConflict, match=f"^{expected}"):
            await hand.execute(step)

    assert cluster.calls == [f"apply {NAME} svc"] * 2


STATEFULSET = build_children(make_workload())[1]


def make_addition(**added: Any) -> tuple[FakeCluster, Apply]:
    """A StatefulSet whose pods' spec somebody gave *added*, and what is planned for it."""
    live = deepcopy(STATEFULSET.manifest)
    live["metadata"] |= {"uid": "sts", "managedFields": [OURS, THEIRS]}
    live["spec"]["template"]["spec"] |= added
    judge = partial(find_forbidden, policy=DEFAULT_POLICY)
    stored = {"metadata": live["metadata"] | {"resourceVersion": "9"}, "spec": live["spec"]}
    content = msgspec.json.decode(msgspec.json.encode(stored), type=StatefulSet)
    observation = Observation(children={STATEFULSET.id: content}, versions={"StatefulSet": 9})
    (step,) = plan(UID, [STATEFULSET], observation, {}, judge) or (None,)
    assert isinstance(step, Apply)
    return FakeCluster(whole={str(STATEFULSET.id): live}), step


async def test_what_the_policy_forbids_is_removed_and_reported() -> None:
    """What it allows stays."""
    cluster, step = make_addition(hostNetwork=True, hostAliases=[{"ip": "10.1.1.1"}])
    hand = Hand(cluster)

    await hand.execute(step)

    (update,) = cluster.updates
    pod = update["spec"]["template"]["spec"]
    assert "hostNetwork" not in pod
    assert pod["hostAliases"] == [{"ip": "10.1.1.1"}]
    (said,) = hand.state.news
    assert said.reason == "DriftReverted"
    assert "pod template /spec/hostNetwork: found true; " in said.note
    assert hand.state.applied[STATEFULSET.id].futile == ""


async def test_who_puts_it_back_at_once_is_not_fought() -> None:
    """A webhook, say: the object is the same as before, and nothing is tried again."""
    cluster, step = make_addition(hostNetwork=True)
    cluster.version = 8
    hand = Hand(cluster)

    await hand.execute(step)

    assert hand.state.news == ()
    assert hand.state.applied[STATEFULSET.id].futile == step.fingerprint


async def test_where_it_cannot_be_taken_out_it_stays() -> None:
    """The API server refuses what would be left; the apply is tried all the same."""
    cluster, step = make_addition(hostNetwork=True)
    cluster.refused_updates[str(STATEFULSET.id)] = [INVALID]

    await Hand(cluster).execute(step)

    assert cluster.updates == []
    assert cluster.calls[-1] == "force StatefulSet weather sts"


def test_what_the_policy_allows_is_no_reason_to_write() -> None:
    """An injector's containers, say; what they are is known."""
    live = make_statefulset(
        **{
            key: STATEFULSET.manifest["metadata"][key]
            for key in ("labels", "annotations", "ownerReferences")
        }
    )
    spec = deepcopy(STATEFULSET.manifest["spec"])
    spec["template"]["spec"]["containers"].append({"name": "mine", "image": "mine:1"})
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"mine"}': {}}}}}
    }
    managed = msgspec.Raw(msgspec.json.encode([{**THEIRS, "fieldsV1": fields}]))
    live = msgspec.structs.replace(
        live,
        metadata=msgspec.structs.replace(live.metadata, managed_fields=managed),
        spec=msgspec.Raw(msgspec.json.encode(spec)),
    )
    judge = partial(find_forbidden, policy=DEFAULT_POLICY)

    observation = Observation(children={STATEFULSET.id: live}, versions={"StatefulSet": 9})

    assert plan(UID, [STATEFULSET], observation, {}, judge) == ()
    assert compare_child(STATEFULSET, live, judge).additions == (
        "spec.template.spec.containers[mine] (kubectl-patch)",
    )
