"""The drift of live children: computed once, and remembered in place of their content."""

import msgspec
import pytest

from mcpworkload.controller.desired import Child, build_children
from mcpworkload.controller.plan.comparison import NO_DRIFT, DriftCache, compare_child, find_drift
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.plan.plan import plan
from mcpworkload.kube.objects import LiveChild, Service
from tests.support.parsed import (
    UID,
    as_applied,
    make_service,
    make_statefulset,
    make_workload,
)

SERVICE, STATEFULSET = build_children(make_workload())
FOREIGN = {**SERVICE.manifest["spec"], "clusterIP": "10.0.0.1"}


def make_live(child: Child, version: int = 200) -> LiveChild:
    """*child* as it is stored."""
    annotations = child.manifest["metadata"]["annotations"]
    if child is SERVICE:
        return as_applied(make_service(version, annotations=annotations), child)
    return as_applied(make_statefulset(version=version, annotations=annotations), child)


@pytest.mark.parametrize("child", [SERVICE, STATEFULSET], ids=lambda child: child.id.kind)
def test_what_was_compared_is_not_needed_again(child: Child) -> None:
    """The copy without its content is known by UID and version, and a fraction of the size."""
    cache, live = DriftCache(), make_live(child)
    drift = cache.compare(child, live)

    released = live.without_content()

    assert live.has_content
    assert not released.has_content
    assert drift is NO_DRIFT
    assert cache.compare(child, released) is NO_DRIFT
    # A new cache would have to read what is gone.
    assert DriftCache().compare(child, released) != NO_DRIFT
    assert len(msgspec.json.encode(released)) < len(msgspec.json.encode(live))


def test_another_version_or_another_wish_is_compared_anew() -> None:
    """Either may differ in what matters."""
    cache, live = DriftCache(), make_live(SERVICE)
    assert cache.compare(SERVICE, live) is NO_DRIFT

    changed = as_applied(make_service(201), SERVICE, spec=FOREIGN)
    assert find_drift(cache.comparisons, changed) is None
    assert cache.compare(SERVICE, changed).difference == "metadata.annotations.mcpworkload.dev/hash"

    newer = build_children(make_workload(labels={"team": "sky"}))[0]
    assert cache.compare(newer, changed).difference == "metadata.labels.team"


def test_what_is_gone_is_forgotten() -> None:
    """However many objects of a name come and go, the cache has those that there are."""
    cache, live = DriftCache(), make_live(SERVICE)
    cache.compare(SERVICE, live)
    cache.compare(STATEFULSET, make_live(STATEFULSET))

    cache.keep([live.metadata.uid])

    assert find_drift(cache.comparisons, live) is NO_DRIFT
    assert find_drift(cache.comparisons, make_live(STATEFULSET)) is None


def test_a_plan_changes_nothing_that_it_is_given() -> None:
    """The same arguments give the same steps, and live objects cannot be written to."""
    live = as_applied(
        make_service(annotations=SERVICE.manifest["metadata"]["annotations"]), SERVICE, spec=FOREIGN
    )
    observation = Observation(children={SERVICE.id: live}, versions={"Service": 1000})

    first, second = (plan(UID, [SERVICE], observation, {}) for _ in range(2))

    assert first == second != ()
    assert live.has_content
    assert live == as_applied(live, SERVICE, spec=FOREIGN)
    with pytest.raises(AttributeError):
        live.spec = msgspec.Raw()  # type: ignore[misc]
    assert compare_child(SERVICE, live).difference == "spec.clusterIP"
    assert isinstance(live, Service)
