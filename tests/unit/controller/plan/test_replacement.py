"""Which StatefulSets have to be replaced, and which may be."""

from typing import Any

import msgspec
import pytest

from mcpworkload.api import names
from mcpworkload.api.refusals import ChildConflict, InvalidSpec, Refusal
from mcpworkload.controller.desired import build_children
from mcpworkload.controller.plan.drift import first_difference
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.plan.plan import Apply, Replace, plan
from mcpworkload.controller.plan.replacement import find_replacement
from tests.support.parsed import UID, make_observation, make_statefulset, make_workload

CLAIMS = {"data": "1Gi", "logs": "512Mi"}
REQUEST = "spec.volumeClaimTemplates[0].spec.resources.requests.storage"


def make_claims(**sizes: str) -> list[dict[str, Any]]:
    """Claim templates by name and size."""
    return [
        {
            "metadata": {"name": name},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": size}},
            },
        }
        for name, size in sizes.items()
    ]


def wanted(**sizes: str) -> dict[str, Any]:
    """The spec of the StatefulSet for a workload with such claims."""
    workload = make_workload(volumeClaimTemplates=make_claims(**sizes))
    spec: dict[str, Any] = build_children(workload)[1].manifest["spec"]
    return spec


def live(**changes: Any) -> dict[str, Any]:
    """The fixed fields as the API server has them, with its defaults, and with *changes*."""
    claims = [
        {
            **claim,
            "kind": "PersistentVolumeClaim",
            "spec": {**claim["spec"], "volumeMode": "Filesystem"},
            "status": {"phase": "Pending"},
        }
        for claim in make_claims(**CLAIMS)
    ]
    return {
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": names.selector_labels("weather")},
        "serviceName": "weather",
        "volumeClaimTemplates": claims,
        **changes,
    }


def other_claims(**more: dict[str, Any]) -> list[dict[str, Any]]:
    """The live claim templates with more in the first one's metadata or spec."""
    first, *others = live()["volumeClaimTemplates"]
    return [{**first, **{part: first[part] | more[part] for part in more}}, *others]


@pytest.mark.parametrize(
    ("sizes", "fixed", "path", "growing"),
    [
        pytest.param(CLAIMS, {}, None, {}, id="the same"),
        pytest.param({"data": "1024Mi", "logs": "0.5Gi"}, {}, None, {}, id="other words"),
        pytest.param(
            {**CLAIMS, "data": "2Gi"}, {}, REQUEST, {"data": "2Gi"}, id="one that is to grow"
        ),
        pytest.param(
            {"data": "2Gi", "logs": "1Gi"},
            {},
            REQUEST,
            {"data": "2Gi", "logs": "1Gi"},
            id="all are to grow",
        ),
        pytest.param({"data": "1Gi"}, {}, "spec.volumeClaimTemplates", {}, id="one less"),
        pytest.param({}, {}, "spec.volumeClaimTemplates", {}, id="none left"),
        pytest.param({}, {"volumeClaimTemplates": []}, None, {}, id="none ever"),
        pytest.param(CLAIMS, {"serviceName": "other"}, "spec.serviceName", {}, id="service"),
        pytest.param(
            CLAIMS,
            {"volumeClaimTemplates": other_claims(spec={"storageClassName": "fast"})},
            "spec.volumeClaimTemplates",
            {},
            id="a class that is to go",
        ),
        pytest.param(
            CLAIMS,
            {"volumeClaimTemplates": other_claims(metadata={"labels": {"tier": "hot"}})},
            "spec.volumeClaimTemplates",
            {},
            id="a label that is to go",
        ),
        pytest.param(
            CLAIMS,
            {"podManagementPolicy": "OrderedReady"},
            "spec.podManagementPolicy",
            {},
            id="policy",
        ),
    ],
)
def test_what_no_update_can_do_is_found(
    sizes: dict[str, str], fixed: dict[str, Any], path: str | None, growing: dict[str, str]
) -> None:
    """Defaults of the API server are no difference, nor is another way to write a size."""
    found = find_replacement("weather", wanted(**sizes), live(**fixed))

    assert (found.path if found else None) == path
    assert (found.sizes if found else {}) == growing


def test_what_is_tried_has_the_fixed_fields_of_the_live_object() -> None:
    """So that a dry run judges the rest: the API server refuses any change of these."""
    fixed = live(podManagementPolicy="OrderedReady")
    spec = wanted(**{**CLAIMS, "data": "2Gi"})

    found = find_replacement("weather", spec, fixed)

    assert found is not None
    assert found.applicable == {**spec, **fixed}


@pytest.mark.parametrize(
    ("sizes", "fixed", "error", "words"),
    [
        pytest.param(
            {**CLAIMS, "logs": "100Mi"},
            {},
            InvalidSpec,
            "spec.volumeClaimTemplates[logs].spec.resources.requests.storage: found 100Mi; "
            "write 512Mi or more",
            id="a claim that would shrink",
        ),
        pytest.param(
            {"data": "2Gi", "logs": "1Mi"}, {}, InvalidSpec, "found 1Mi", id="another one grows"
        ),
        pytest.param(
            {**CLAIMS, "data": "1e1.5"}, {}, InvalidSpec, "not a quantity", id="not a quantity"
        ),
        pytest.param(
            {**CLAIMS, "more": "1Gi"}, {}, ChildConflict, "no claim template more", id="one more"
        ),
        pytest.param(
            CLAIMS,
            {"selector": {"matchLabels": {"app": "weather"}}},
            ChildConflict,
            "selects other pods",
            id="other pods",
        ),
        pytest.param(
            CLAIMS,
            {"selector": {"matchLabels": {**names.selector_labels("weather"), "app": "a"}}},
            ChildConflict,
            "selects other pods",
            id="fewer pods",
        ),
    ],
)
def test_what_would_lose_pods_or_data_is_refused(
    sizes: dict[str, str], fixed: dict[str, Any], error: type[Refusal], words: str
) -> None:
    """With the path, what stands there, and what would be right."""
    with pytest.raises(error) as caught:
        find_replacement("weather", wanted(**sizes), live(**fixed))

    assert words in str(caught.value)


GROWN = build_children(make_workload(volumeClaimTemplates=make_claims(data="2Gi")))[1]


def planned(last: Applied | None = None, **statefulset: Any) -> Any:
    """The one step for a StatefulSet whose claims are to grow, or None."""
    sizes = {"volumeClaimTemplates": make_claims(data="1Gi")}
    live = make_statefulset(fixed=statefulset.pop("fixed", sizes), **statefulset)
    observation = make_observation(statefulset=live)
    steps = plan(UID, [GROWN], observation, {GROWN.id: last} if last else {})
    return steps[0] if steps else None


def test_a_statefulset_is_replaced_in_the_version_that_was_observed() -> None:
    """By UID and version, and with the force that an apply would have."""
    step = planned(version=777)

    assert isinstance(step, Replace)
    assert (step.uid, step.version, step.force) == ("sts", 777, True)
    assert step.replacement.sizes == {"data": "2Gi"}


def test_an_orphan_is_replaced_without_force() -> None:
    """Its fields may be somebody's: the dry run tells."""
    step = planned(ownerReferences=[])

    assert isinstance(step, Replace)
    assert not step.force


def test_an_update_will_do_where_nothing_fixed_differs() -> None:
    """Most changes are of that kind."""
    assert isinstance(planned(fixed={"volumeClaimTemplates": make_claims(data="2Gi")}), Apply)


def test_a_statefulset_that_may_be_adopting_pods_is_waited_for() -> None:
    """Those that the garbage collector does not know as its pods yet would be deleted with it."""
    assert planned(generation=2, observed=1) is None


def test_what_is_on_its_way_out_is_left_alone() -> None:
    """Its end is an event, and the next look applies."""
    assert planned(deletionTimestamp="2026-11-23T12:00:00Z") is None


def test_what_we_applied_last_is_not_replaced_before_it_is_seen() -> None:
    """Of an unseen object nobody knows the fixed fields."""
    assert planned(Applied("older", "sts", version=5000)) is None


def test_the_fixed_fields_outlive_the_rest_of_the_spec() -> None:
    """The spec is dropped once it was compared; the next one has to be compared, too."""
    statefulset = make_statefulset(fixed={"serviceName": "other"})
    statefulset = statefulset.without_content()

    assert statefulset.spec == msgspec.Raw()
    fixed = statefulset.fixed_fields()
    assert first_difference({"serviceName": "other"}, fixed) is None
    assert "template" not in fixed
