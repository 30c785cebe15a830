"""What counts as a difference between what we want and what is live."""

from typing import Any

import pytest

from mcpworkload.controller.plan.drift import find_changes, first_difference

CONTAINER = {"name": "mcp", "image": "a"}


@pytest.mark.parametrize(
    ("desired", "live", "difference"),
    [
        pytest.param({"a": 1}, {"a": 1, "b": 2}, None, id="a foreign field"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b", id="another value"),
        pytest.param({"a": {"b": 1}}, {}, "a", id="a missing mapping"),
        pytest.param({"a": 1}, {"a": True}, "a", id="true is not 1"),
        pytest.param({"a": None}, {"a": "default"}, None, id="null, and a default"),
        pytest.param({"a": []}, {}, None, id="empty list left out"),
        pytest.param({"a": ""}, {}, None, id="empty text left out"),
        pytest.param({"a": {}}, {}, None, id="empty mapping left out"),
        pytest.param({"emptyDir": {}}, {}, "emptyDir", id="presence counts"),
        pytest.param({"replicas": 0}, {}, "replicas", id="absence means 1"),
        pytest.param({"replicas": 0}, {"replicas": 0}, None, id="zero kept"),
        pytest.param(
            {"selector": {"a": "1"}},
            {"selector": {"a": "1", "b": "2"}},
            "selector.b",
            id="a foreign key in a selector",
        ),
        pytest.param(
            {"initContainers": [{"name": "a", "lifecycle": {"stopSignal": "SIGINT"}}]},
            {"initContainers": [{"name": "a"}]},
            None,
            id="a mapping of nothing but what the cluster does not know",
        ),
        pytest.param({"args": ["a"]}, {"args": ["a", "b"]}, "args", id="atomic list is longer"),
        pytest.param({"args": ["a"]}, {"args": ["b"]}, "args[0]", id="atomic list differs"),
        pytest.param({"args": ["a"]}, {"args": "a"}, "args", id="no list at all"),
        pytest.param(
            {"containers": [CONTAINER]},
            {"containers": [{"name": "injected"}, {**CONTAINER, "tty": True}]},
            None,
            id="a foreign container in front",
        ),
        pytest.param(
            {"containers": [CONTAINER]},
            {"containers": [{"name": "mcp", "image": "b"}]},
            "containers[mcp].image",
            id="an entry found by its key",
        ),
        pytest.param(
            {"env": [{"name": "A", "value": ""}]}, {"env": []}, "env[A].name", id="a missing entry"
        ),
        pytest.param(
            {"ports": [{"containerPort": 1, "protocol": "TCP", "name": "x"}]},
            {"ports": [{"containerPort": 1, "protocol": "TCP", "name": "y"}]},
            "ports[1].name",
            id="a container's port",
        ),
        pytest.param(
            {"ports": [{"port": 1, "protocol": "TCP", "targetPort": 1}]},
            {"ports": [{"port": 1, "protocol": "UDP", "targetPort": 1}]},
            "ports[1].port",
            id="a Service's port of another protocol",
        ),
        pytest.param(
            {"limits": {"cpu": "0.5", "memory": "1Gi"}},
            {"limits": {"cpu": "500m", "memory": "1024Mi"}},
            None,
            id="quantities in canonical form",
        ),
        pytest.param(
            {"limits": {"cpu": "0.5"}}, {"limits": {"cpu": "1"}}, "limits.cpu", id="another amount"
        ),
        pytest.param({"limits": {"cpu": "1"}}, {"limits": {}}, "limits.cpu", id="no amount"),
        pytest.param({"sizeLimit": "0.5Gi"}, {"sizeLimit": "512Mi"}, None, id="a single quantity"),
        pytest.param({"sizeLimit": "1Gi"}, {}, "sizeLimit", id="a single quantity is gone"),
        pytest.param(
            {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}]},
            {"hostAliases": [{"ip": "10.0.0.2"}, {"ip": "10.0.0.1", "hostnames": ["a"]}]},
            None,
            id="a foreign host alias",
        ),
        pytest.param(
            {"imagePullSecrets": [{"name": "a"}]},
            {"imagePullSecrets": [{"name": "injected"}, {"name": "a"}]},
            None,
            id="a foreign pull secret",
        ),
        pytest.param(
            {
                "topologySpreadConstraints": [
                    {"topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 2}
                ]
            },
            {
                "topologySpreadConstraints": [
                    {"topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 2},
                    {"topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1},
                ]
            },
            "topologySpreadConstraints[z].maxSkew",
            id="a spread constraint by both keys",
        ),
        pytest.param(
            {"tolerations": [{"key": "a"}]},
            {"tolerations": [{"key": "a"}, {"key": "b"}]},
            "tolerations",
            id="tolerations are one value",
        ),
        pytest.param(
            {"ports": [{"containerPort": 1}]},
            {"ports": [{"containerPort": 1, "protocol": "TCP"}]},
            None,
            id="a port without protocol is TCP",
        ),
        pytest.param({"runAsUser": 0}, {}, "runAsUser", id="no user is not root"),
        pytest.param({"runAsNonRoot": False}, {}, "runAsNonRoot", id="unsaid is not false"),
        pytest.param({"tolerationSeconds": 0}, {}, "tolerationSeconds", id="not for ever"),
        pytest.param({"minAvailable": 0}, {}, "minAvailable", id="a budget of zero"),
        pytest.param({"timeoutSeconds": 0}, {"timeoutSeconds": 1}, None, id="0 is the default"),
        pytest.param({"protocol": ""}, {"protocol": "TCP"}, None, id="empty is the default"),
        pytest.param(
            {"secretKeyRef": {"name": "a", "key": "k"}},
            {"secretKeyRef": {"name": "a", "key": "k", "optional": True}},
            "secretKeyRef.optional",
            id="a reference is one value",
        ),
        pytest.param({"runAsGroup": None}, {"runAsGroup": 5}, None, id="null asks for nothing"),
    ],
)
def test_first_difference(desired: Any, live: Any, difference: str | None) -> None:
    """Only what we set is compared, in the way in which the API server stores it."""
    assert first_difference(desired, live) == difference


ROLLING = {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2, "partition": 1}}}


@pytest.mark.parametrize(
    ("rolling", "difference", "refused"),
    [
        pytest.param({"partition": 1}, None, "maxUnavailable", id="the cluster drops it"),
        pytest.param({"partition": 1, "maxUnavailable": 2}, None, "", id="the cluster knows it"),
        pytest.param({"partition": 1, "maxUnavailable": 1}, "maxUnavailable", "", id="changed"),
        pytest.param({"partition": 0}, "partition", "maxUnavailable", id="another one changed"),
    ],
)
def test_a_field_behind_a_gate_is_no_difference_where_it_is_dropped(
    rolling: dict[str, int], difference: str | None, refused: str
) -> None:
    """It would be dropped again; that is said, not fought over."""
    live = {"updateStrategy": {"rollingUpdate": rolling}}
    path = "spec.updateStrategy.rollingUpdate."

    assert first_difference(ROLLING, live, "spec") == (difference and path + difference)
    assert find_changes(ROLLING, live, "spec")[1] == (refused and path + refused)


def test_only_ordinary_containers_may_lose_their_restart_policy() -> None:
    """A native sidecar without it would keep the server from starting."""
    sidecar = [{"name": "s", "restartPolicy": "Always"}]
    bare = [{"name": "s"}]

    assert first_difference({"containers": sidecar}, {"containers": bare}, "spec") is None
    assert first_difference({"initContainers": sidecar}, {"initContainers": bare}, "spec") == (
        "spec.initContainers[s].restartPolicy"
    )
