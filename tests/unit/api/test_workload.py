"""Parsing a body: what a good one becomes."""

from typing import Any

import pytest

from mcpworkload.api.transport import Transport
from mcpworkload.api.workload import Workload

IMAGE = "ghcr.io/acme/weather:1.4"


def make_body(name: str = "weather", **spec: Any) -> dict[str, Any]:
    """A valid MCPWorkload, with *spec* over its spec."""
    return {
        "metadata": {"name": name, "namespace": "tools", "uid": "u-1", "generation": 3},
        "spec": {"image": IMAGE, "transport": {"type": "sse"}, **spec},
    }


def test_a_minimal_workload_gets_the_scalar_defaults() -> None:
    """What is left out is what the CRD would have filled in, and empty otherwise."""
    workload = Workload.parse(make_body())

    assert (workload.name, workload.namespace, workload.uid) == ("weather", "tools", "u-1")
    assert (workload.generation, workload.status) == (3, {})
    spec = workload.spec
    assert spec.transport == Transport(type="sse", port=8080, path=None)
    assert (spec.image, spec.replicas) == (IMAGE, 1)
    assert (spec.command, spec.args, spec.env, spec.env_from) == ((), (), [], [])
    assert (spec.resources, spec.labels, spec.annotations) == ({}, {}, {})
    assert spec.automount_service_account_token is False
    assert spec.service_account_name is None
    assert spec.termination_grace_period_seconds is None


def test_every_field_arrives() -> None:
    """CamelCase outside, snake_case inside; Kubernetes' own parts stay as they are."""
    secret = {"secretKeyRef": {"name": "weather", "key": "token"}}
    workload = Workload.parse(
        make_body(
            command=["node"],
            args=["server.js", "--verbose"],
            env=[{"name": "TOKEN", "valueFrom": secret}],
            envFrom=[{"configMapRef": {"name": "weather"}}],
            transport={"type": "streamable-http", "port": 3001, "path": "/weather/mcp"},
            replicas=2,
            resources={"limits": {"memory": "1Gi"}},
            labels={"team": "a", "example.com/tier": ""},
            annotations={"example.com/note": "any text, really"},
            automountServiceAccountToken=True,
            serviceAccountName="weather",
            terminationGracePeriodSeconds=0,
        )
    )

    spec = workload.spec
    assert spec.transport == Transport(type="streamable-http", port=3001, path="/weather/mcp")
    assert (spec.command, spec.args) == (("node",), ("server.js", "--verbose"))
    assert spec.env == [{"name": "TOKEN", "valueFrom": secret}]
    assert spec.env_from == [{"configMapRef": {"name": "weather"}}]
    assert spec.resources == {"limits": {"memory": "1Gi"}}
    assert spec.labels == {"team": "a", "example.com/tier": ""}
    assert spec.annotations == {"example.com/note": "any text, really"}
    assert spec.automount_service_account_token is True
    assert (spec.service_account_name, spec.replicas) == ("weather", 2)
    assert spec.termination_grace_period_seconds == 0


def test_the_status_is_kept_raw_and_as_a_copy() -> None:
    """Also what a newer version has written there."""
    body = make_body()
    body["status"] = {"observedGeneration": 2, "fromTheFuture": True}

    workload = Workload.parse(body)

    assert workload.status == body["status"]
    assert workload.status is not body["status"]


def test_unknown_fields_are_ignored() -> None:
    """An operator older than its CRD goes on working."""
    workload = Workload.parse(make_body(fromTheFuture=1, transport={"type": "sse", "tls": {}}))

    assert workload.spec.transport.type == "sse"


def test_a_manifest_that_no_api_server_has_seen_can_be_parsed() -> None:
    """Only a name and a spec are needed."""
    body = {"metadata": {"name": "weather"}, "spec": make_body()["spec"]}

    workload = Workload.parse(body)

    assert (workload.namespace, workload.uid, workload.generation) == ("", "", 0)


@pytest.mark.parametrize("name", ["w", "w" * 52, "svc", "a-2"])
def test_a_good_name_passes(name: str) -> None:
    """The shortest, the longest, and one that only resembles a reserved ending."""
    assert Workload.parse(make_body(name)).name == name
