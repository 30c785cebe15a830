"""What of others' changes goes when it keeps ours out, and what stays."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.controller.plan.drift import first_difference
from mcpworkload.controller.plan.mending import Extent, is_renamed, mended

PORT = {"name": "mcp", "port": 8080, "targetPort": 8080, "protocol": "TCP"}
SERVER = {"name": "mcp", "image": "weather:1", "env": [{"name": "A", "value": "1"}]}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
ALIAS = {"ip": "10.0.0.1", "hostnames": ["station"]}

RENAMED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a Service's port": ({"ports": [PORT]}, {"ports": [{**PORT, "port": 80}]}),
    "another protocol": ({"ports": [PORT]}, {"ports": [{**PORT, "protocol": "UDP"}]}),
    "one of two ports": (
        {"ports": [PORT, {"name": "x", "port": 1}]},
        {"ports": [{**PORT, "port": 80}, {"name": "x", "port": 1}]},
    ),
    "a container's port": (
        {"containers": [{"name": "mcp", "ports": [{"name": "mcp", "containerPort": 8080}]}]},
        {
            "containers": [
                {"name": "mcp", "ports": [{"name": "mcp", "containerPort": 1, "protocol": "TCP"}]}
            ]
        },
    ),
    "the server itself": ({"containers": [SERVER]}, {"containers": [{**SERVER, "name": "other"}]}),
    "a spread constraint": (
        {"topologySpreadConstraints": [SPREAD]},
        {"topologySpreadConstraints": [{**SPREAD, "whenUnsatisfiable": "DoNotSchedule"}]},
    ),
    "a host's address": ({"hostAliases": [ALIAS]}, {"hostAliases": [{**ALIAS, "ip": "10.0.0.2"}]}),
}


@pytest.mark.parametrize(("wanted", "live"), RENAMED.values(), ids=RENAMED)
def test_what_was_ours_under_another_key_goes(wanted: Any, live: Any) -> None:
    """Whatever else of others is there stays."""
    live = {**live, "foreign": 1}

    assert is_renamed({"spec": wanted}, {"spec": live})
    spec = mended({"spec": wanted}, {"spec": live}, Extent.RENAMED)["spec"]
    assert first_difference(wanted, spec) is None
    assert spec["foreign"] == 1
    for field, entries in wanted.items():
        assert len(spec[field]) == len(entries)


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        pytest.param({"ports": [PORT]}, {"ports": [PORT, {**PORT, "port": 80}]}, id="one more"),
        pytest.param({"ports": [PORT]}, {"ports": []}, id="one less"),
        pytest.param(
            {"env": [{"name": "A", "value": "1"}]},
            {"env": [{"name": "B", "value": "1"}]},
            id="variables may well be equal",
        ),
        pytest.param(
            {"imagePullSecrets": [{"name": "a"}]},
            {"imagePullSecrets": [{"name": "b"}]},
            id="an entry that is all key",
        ),
        pytest.param(
            {"containers": [SERVER]},
            {"containers": [{"name": "sidecar", "image": "proxy:1"}]},
            id="another container",
        ),
    ],
)
def test_what_may_be_an_addition_is_not_taken_for_ours(wanted: Any, live: Any) -> None:
    """An apply is enough, and leaves it where it is."""
    assert not is_renamed({"spec": wanted}, {"spec": live})


BESIDE: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "another source of a volume": (
        {"volumes": [{"name": "tmp", "emptyDir": {}}]},
        {"volumes": [{"name": "tmp", "configMap": {"name": "x"}}, {"name": "mine"}]},
        {"volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "mine"}]},
    ),
    "a variable from elsewhere": (
        {"env": [{"name": "A", "value": "1"}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}, {"name": "B"}]},
        {"env": [{"name": "A", "value": "1"}, {"name": "B"}]},
    ),
    "another look": (
        {"readinessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 5}},
        {"readinessProbe": {"httpGet": {"port": 1}, "periodSeconds": 5, "timeoutSeconds": 9}},
        {"readinessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 5}},
    ),
    "the other bound": ({"maxUnavailable": 1}, {"minAvailable": 1}, {"maxUnavailable": 1}),
    "what belongs to another value": (
        {"seccompProfile": {"type": "RuntimeDefault"}, "a": 1},
        {"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}, "a": 1, "b": 2},
        {"seccompProfile": {"type": "RuntimeDefault"}, "a": 1, "b": 2},
    ),
    "a port of the same name, and more of it": (
        {"ports": [PORT]},
        {"ports": [{**PORT, "port": 80, "targetPort": 1}], "sessionAffinity": "ClientIP"},
        {"ports": [PORT], "sessionAffinity": "ClientIP"},
    ),
    "a limit of nothing": (
        {"limits": {"nvidia.com/gpu": 0}},
        {"limits": {}},
        {"limits": {"nvidia.com/gpu": 0}},
    ),
    "a map that is one value": (
        {"selector": {"a": "1"}},
        {"selector": {"a": "1", "b": "2"}, "type": "x"},
        {"selector": {"a": "1"}, "type": "x"},
    ),
}


@pytest.mark.parametrize(("wanted", "live", "expected"), BESIDE.values(), ids=BESIDE)
def test_what_stands_beside_a_changed_field_goes(wanted: Any, live: Any, expected: Any) -> None:
    """What stands elsewhere stays."""
    assert mended({"spec": wanted}, {"spec": live}, Extent.BESIDE)["spec"] == expected


def test_all_of_it_goes_but_what_says_who_did_what() -> None:
    """And what no update can change, with what the API server added to it."""
    fixed = {"serviceName": "weather", "volumeClaimTemplates": [{"status": {"phase": "Pending"}}]}
    wanted: dict[str, Any] = {
        "serviceName": "weather",
        "volumeClaimTemplates": [{}],
        "replicas": 1,
        "template": {"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [SERVER]}},
    }
    live: dict[str, Any] = deepcopy({**wanted, **fixed, "minReadySeconds": 3})
    live["template"]["spec"]["containers"].append({"name": "mine"})
    live["template"]["spec"]["containers"][0] |= {"tty": True}
    live["template"]["metadata"] = {"labels": {"a": "2", "b": "3"}, "annotations": {"c": "4"}}

    spec = mended({"spec": wanted}, {"spec": live}, Extent.ALL)["spec"]

    assert spec == {
        **wanted,
        **fixed,
        "template": {
            "metadata": {"labels": {"a": "1", "b": "3"}},
            "spec": {"containers": [SERVER]},
        },
    }


VALUES = st.recursive(
    st.integers(0, 2) | st.sampled_from(["", "x", "y"]),
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "spec", "labels", "selector", "limits"]), inner)
        | st.builds(
            lambda field, names: {field: [{"name": name, "value": name} for name in names]},
            st.sampled_from(["env", "containers", "volumes"]),
            st.lists(st.sampled_from("abc"), unique=True, max_size=3),
        )
    ),
    max_leaves=8,
)
CONTENT = st.dictionaries(st.just("spec"), VALUES, min_size=1, max_size=1)


@given(CONTENT, CONTENT, st.sampled_from([Extent.BESIDE, Extent.ALL]))
def test_afterwards_nothing_of_ours_is_missing(wanted: Any, live: Any, extent: Extent) -> None:
    """Whatever was there, and without a change of what was given."""
    before = deepcopy((wanted, live))

    result = mended(wanted, live, extent)

    assert first_difference(wanted, result) is None
    assert (wanted, live) == before
    assert mended(wanted, result, extent) == result
