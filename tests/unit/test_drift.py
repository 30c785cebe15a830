"""What counts as a difference between what we want and what is live."""

from typing import Any

import pytest

from mcpworkload.drift import first_difference

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
    ],
)
def test_first_difference(desired: Any, live: Any, difference: str | None) -> None:
    """Only what we set is compared, in the way in which the API server stores it."""
    assert first_difference(desired, live) == difference
