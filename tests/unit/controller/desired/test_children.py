"""Children as whole manifests: what is in the golden files is what the API server gets."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from mcpworkload.api import names
from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.controller.desired import build_children, server_url
from tests.support import specs
from tests.support.bridged import POLICY
from tests.support.parsed import make_workload

GOLDEN = Path(__file__).parent / "golden"
EVERYTHING_SET: dict[str, Any] = {
    "image": "weather:2",
    "command": ["uvx"],
    "reportLogTail": False,
    "args": ["weather", "--units=si"],
    "env": [
        {"name": "PORT", "value": "$(MCP_PORT)"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "weather", "key": "api"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "weather"}}],
    "transport": {"type": "sse", "port": 9000, "path": "/events"},
    "replicas": 3,
    "resources": {"limits": {"cpu": "1", "memory": "32Mi"}, "requests": {"cpu": "250m"}},
    "labels": {"team": "sky", "app.kubernetes.io/part-of": "forecast"},
    "annotations": {"example.com/contact": "sky"},
    "automountServiceAccountToken": True,
    "serviceAccountName": "weather",
    "terminationGracePeriodSeconds": 4,
}


@pytest.mark.parametrize(
    ("golden", "spec"),
    [
        pytest.param("minimal", {}, id="only what is required"),
        pytest.param("everything-set", EVERYTHING_SET, id="every field of the first version"),
        pytest.param("server", specs.SERVER, id="the server's container"),
        pytest.param("pod", specs.POD, id="the pod around it"),
        pytest.param("storage", specs.STORAGE, id="volumes and claims"),
        pytest.param("stopped", specs.SPECS["stopped"], id="volumes and claims at rest"),
        pytest.param("rollout", specs.ROLLOUT, id="rollout and disruption"),
        pytest.param("service", specs.SERVICE, id="a second Service"),
        pytest.param("patch", specs.PATCH, id="a patched template"),
        pytest.param("minimal", specs.VERIFICATION, id="verification, of which pods know nothing"),
    ],
)
def test_children_are_the_golden_manifests(golden: str, spec: dict[str, Any]) -> None:
    """A change here rolls every pod of every installation: it has to be worth that."""
    children = [child.manifest for child in build_children(make_workload(**spec))]

    assert children == list(yaml.safe_load_all((GOLDEN / f"{golden}.yaml").read_text()))


def test_building_twice_gives_equal_children_that_share_nothing() -> None:
    """A caller may edit what it receives."""
    workload = make_workload(**specs.EVERY_FIELD)
    first, second = build_children(workload, POLICY), build_children(workload, POLICY)

    assert first == second
    for index, child in enumerate(first):
        _assert_independent(child.manifest, {"spec": dict(workload.spec)})
        for other in (*second, *first[index + 1 :]):
            _assert_independent(child.manifest, other.manifest)


def _assert_independent(one: Any, other: Any) -> None:
    shared = _identities(one) & _identities(other)
    assert not shared


def _identities(value: Any) -> set[int]:
    if isinstance(value, BaseModel):
        return _identities(dict(value))
    if isinstance(value, dict):
        return {id(value)}.union(*(_identities(item) for item in value.values()))
    if isinstance(value, tuple):
        return set().union(*(_identities(item) for item in value))
    if isinstance(value, list):
        return {id(value)}.union(*(_identities(item) for item in value))
    return set()


@pytest.mark.parametrize(
    ("grace", "pause"),
    [
        pytest.param(None, 5, id="default grace"),
        pytest.param(60, 5, id="long grace"),
        pytest.param(7, 3, id="half of a short grace"),
        pytest.param(2, 1, id="shortest grace with a pause"),
        pytest.param(1, None, id="too short for a pause"),
        pytest.param(0, None, id="none at all"),
    ],
)
def test_pre_stop_pause_is_shorter_than_the_grace(grace: int | None, pause: int | None) -> None:
    """A pause as long as the grace period gets the pod refused."""
    container = _container(terminationGracePeriodSeconds=grace)

    expected = {"preStop": {"sleep": {"seconds": pause}}} if pause else None
    assert container.get("lifecycle") == expected


@pytest.mark.parametrize(
    ("given", "requests", "limits"),
    [
        pytest.param({}, "64Mi", "512Mi", id="defaults"),
        pytest.param({"limits": {"memory": "16Mi"}}, "16Mi", "16Mi", id="limit below our request"),
        pytest.param({"requests": {"memory": "1Gi"}}, "1Gi", "1Gi", id="request above our limit"),
        pytest.param({"requests": {"memory": "100M"}}, "100M", "512Mi", id="request in between"),
        pytest.param({"limits": {"memory": 1024}}, 1024, 1024, id="a bare number"),
    ],
)
def test_default_resources_never_contradict_the_users(
    given: dict[str, Any], requests: str, limits: str
) -> None:
    """A request above its limit would get the pod refused."""
    resources = _container(resources=given)["resources"]

    assert (resources["requests"]["memory"], resources["limits"]["memory"]) == (requests, limits)


def test_an_amount_that_is_no_quantity_is_named() -> None:
    """The message holds the path, what was found and what would be right."""
    workload = make_workload(resources={"limits": {"memory": "lots"}})

    with pytest.raises(InvalidSpec, match=r"spec\.resources\.limits\.memory: 'lots' is not"):
        build_children(workload)


def test_the_users_variable_takes_the_place_of_ours() -> None:
    """Each name stands once; the user's keep their order after ours."""
    env = _container(env=[{"name": "PORT", "value": "1"}, {"name": "A", "value": "2"}])["env"]

    names_in_order = [entry["name"] for entry in env]
    assert names_in_order[-2:] == ["PORT", "A"]
    assert len(names_in_order) == len(set(names_in_order))


def test_labels_of_the_user_never_reach_a_selector() -> None:
    """A selector is immutable, labels are not."""
    service, statefulset = (
        child.manifest["spec"] for child in build_children(make_workload(labels={"team": "sky"}))
    )

    assert service["selector"] == names.selector_labels("weather")
    assert statefulset["selector"]["matchLabels"] == names.selector_labels("weather")


def test_the_digest_shows_a_removed_field() -> None:
    """The live object would still contain all that is left."""
    with_label = build_children(make_workload(labels={"team": "sky"}))
    without = build_children(make_workload())

    assert all(a.digest != b.digest for a, b in zip(with_label, without, strict=True))


@pytest.mark.parametrize(
    ("transport", "url"),
    [
        ({"type": "streamable-http"}, "http://weather.team.svc:8080/mcp"),
        ({"type": "sse", "port": 1}, "http://weather.team.svc:1/sse"),
        ({"type": "sse", "path": "/"}, "http://weather.team.svc:8080/"),
        ({"type": "streamable-http", "scheme": "HTTP"}, "http://weather.team.svc:8080/mcp"),
        ({"type": "sse", "port": 8443, "scheme": "HTTPS"}, "https://weather.team.svc:8443/sse"),
    ],
)
def test_url(transport: dict[str, Any], url: str) -> None:
    """The path is the transport's usual one unless the spec names another."""
    assert server_url(make_workload(transport=transport)) == url


@pytest.mark.parametrize(
    ("kind", "host"),
    [("Headless", "weather"), ("ClusterIP", "weather-svc"), ("LoadBalancer", "weather-svc")],
)
def test_url_names_the_service_for_clients(kind: str, host: str) -> None:
    """The one with an address of its own, where there is one."""
    workload = make_workload(service={"type": kind})

    assert server_url(workload) == f"http://{host}.team.svc:8080/mcp"


def test_every_field_has_a_golden_manifest() -> None:
    """A new field is not forgotten."""
    given = {*EVERYTHING_SET, *(field for spec in specs.SPECS.values() for field in spec)}

    assert given == {info.alias for info in WorkloadSpec.model_fields.values()}


def _container(**spec: Any) -> dict[str, Any]:
    statefulset = build_children(make_workload(**spec))[1].manifest["spec"]
    container: dict[str, Any] = statefulset["template"]["spec"]["containers"][0]
    return container
