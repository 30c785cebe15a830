"""What single fields do to the children, where whole manifests would hide it."""

from typing import Any

import pytest

from mcpworkload.controller.desired import build_children
from mcpworkload.controller.desired.transport import with_scheme
from mcpworkload.kube.manifest import Manifest
from tests.support import specs
from tests.support.parsed import make_workload

TCP = {"tcpSocket": {"port": 8080}}


def statefulset(**spec: Any) -> Manifest:
    """The spec of the StatefulSet."""
    built: Manifest = build_children(make_workload(**spec))[1].manifest["spec"]
    return built


def pod(**spec: Any) -> Manifest:
    """The spec of the pods."""
    built: Manifest = statefulset(**spec)["template"]["spec"]
    return built


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, {**TCP, "periodSeconds": 5, "failureThreshold": 3}, id="ours"),
        pytest.param(
            {"periodSeconds": 1},
            {**TCP, "periodSeconds": 1, "failureThreshold": 3},
            id="other times",
        ),
        pytest.param(
            {"exec": {"command": ["true"]}}, {"exec": {"command": ["true"]}}, id="another look"
        ),
        pytest.param({"disabled": True}, None, id="none"),
        pytest.param(
            {"disabled": True, "tcpSocket": {"port": 1}}, None, id="none, over a base that has one"
        ),
        pytest.param(
            {"disabled": False}, {**TCP, "periodSeconds": 5, "failureThreshold": 3}, id="not none"
        ),
    ],
)
def test_readiness(given: dict[str, Any], expected: dict[str, Any] | None) -> None:
    """A probe that says how to look replaces ours; one that does not changes its times."""
    assert pod(probes={"readiness": given})["containers"][0].get("readinessProbe") == expected


@pytest.mark.parametrize(
    ("probes", "expected"),
    [
        ({}, None),
        ({"liveness": {}}, TCP),
        ({"liveness": {"timeoutSeconds": 3}}, {**TCP, "timeoutSeconds": 3}),
        ({"liveness": {"disabled": True}}, None),
    ],
)
def test_liveness_is_there_when_asked_for(probes: Any, expected: Any) -> None:
    """The end of the process is the usual signal."""
    assert pod(probes=probes)["containers"][0].get("livenessProbe") == expected


TLS = {"type": "streamable-http", "port": 8443, "scheme": "HTTPS"}
SCHEMES = {
    "by number": ({"port": 8443}, "HTTPS"),
    "by number in quotes": ({"port": "8443"}, "HTTPS"),
    "by name": ({"port": "mcp"}, "HTTPS"),
    "an empty scheme": ({"port": "mcp", "scheme": ""}, "HTTPS"),
    "its own scheme": ({"port": 8443, "scheme": "HTTP"}, "HTTP"),
    "another port": ({"port": 9090}, None),
    "another port by name": ({"port": "metrics"}, None),
}


@pytest.mark.parametrize(("request_", "scheme"), SCHEMES.values(), ids=SCHEMES)
def test_requests_to_a_tls_server_use_its_scheme(
    request_: dict[str, Any], scheme: str | None
) -> None:
    """In all probes and hooks of the server, as long as they say nothing else."""
    look = {"httpGet": {"path": "/healthz", **request_}}
    probes = {"startup": look, "readiness": {**look, "periodSeconds": 9}, "liveness": look}

    spec = {
        "ports": [{"name": "metrics", "port": 9090}],
        "probes": probes,
        "lifecycle": {"postStart": look, "preStop": look},
    }
    with_tls = pod(transport=TLS, **spec)
    plain = pod(transport={**TLS, "scheme": "HTTP"}, **spec)

    for built, expected in ((with_tls, scheme), (plain, request_.get("scheme"))):
        server = built["containers"][0]
        hooks = [server["lifecycle"][name] for name in ("postStart", "preStop")]
        looks = [server[f"{name}Probe"] for name in ("startup", "readiness", "liveness")]
        assert [each["httpGet"].get("scheme") for each in (*hooks, *looks)] == [expected] * 5


def test_a_request_to_another_host_keeps_its_scheme() -> None:
    """An installation's policy may allow one; what listens there is not the server."""
    look = {"httpGet": {"port": 8443, "host": "10.0.0.1"}}

    assert with_scheme(look, make_workload(transport=TLS).spec.transport) == look


def test_our_probes_of_a_tls_server_ask_for_a_connection() -> None:
    """An open port is all that can be asked for, with TLS or without."""
    server = pod(transport=TLS)["containers"][0]

    assert server["readinessProbe"]["tcpSocket"] == {"port": 8443}
    assert server["startupProbe"]["tcpSocket"] == {"port": 8443}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, {"preStop": {"sleep": {"seconds": 5}}}, id="ours"),
        pytest.param(
            {"preStop": {"exec": {"command": ["bye"]}}},
            {"preStop": {"exec": {"command": ["bye"]}}},
            id="the user's",
        ),
        pytest.param(
            {"preStop": {"sleep": {"seconds": 0}}},
            {"preStop": {"sleep": {"seconds": 0}}},
            id="none",
        ),
    ],
)
def test_pre_stop(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """A preStop of the user's takes the place of our pause."""
    assert pod(lifecycle=given)["containers"][0]["lifecycle"] == expected


@pytest.mark.parametrize(
    ("policy", "init", "ordinary"),
    [
        pytest.param(None, ["first", "side"], ["mcp"], id="native unless it says otherwise"),
        pytest.param("Always", ["first", "side"], ["mcp"], id="native by its word"),
        pytest.param("OnFailure", ["first"], ["mcp", "side"], id="ordinary"),
        pytest.param("Never", ["first"], ["mcp", "side"], id="ordinary too"),
    ],
)
def test_where_a_sidecar_goes(policy: str | None, init: list[str], ordinary: list[str]) -> None:
    """The server's container is the first, whatever stands beside it."""
    sidecar = {"name": "side", "image": "side:1"} | ({"restartPolicy": policy} if policy else {})

    built = pod(sidecars=[sidecar], initContainers=[{"name": "first", "image": "first:1"}])

    assert [container["name"] for container in built["initContainers"]] == init
    assert [container["name"] for container in built["containers"]] == ordinary


@pytest.mark.parametrize(
    ("spec", "volumes", "mounts"),
    [
        pytest.param({}, ["tmp"], [("tmp", "/tmp")], id="ours"),
        pytest.param(
            {"volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory"}}]},
            ["tmp"],
            [("tmp", "/tmp")],
            id="another volume of that name",
        ),
        pytest.param(
            {
                "volumes": [{"name": "mine", "emptyDir": {}}],
                "volumeMounts": [{"name": "mine", "mountPath": "/tmp/"}],
            },
            ["tmp", "mine"],
            [("mine", "/tmp/")],
            id="another mount at that path",
        ),
        pytest.param(
            {
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "tmp"},
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "resources": {"requests": {"storage": "1Gi"}},
                        },
                    }
                ]
            },
            [],
            [("tmp", "/tmp")],
            id="a claim of that name",
        ),
    ],
)
def test_scratch_directory(spec: Any, volumes: list[str], mounts: list[tuple[str, str]]) -> None:
    """It is there until the user puts something else in its place."""
    built = pod(**spec)

    assert [volume["name"] for volume in built["volumes"]] == volumes
    found = built["containers"][0]["volumeMounts"]
    assert [(mount["name"], mount["mountPath"]) for mount in found] == mounts


@pytest.mark.parametrize(
    ("mode", "replicas", "when_scaled"), [("Running", 3, "Delete"), ("Stopped", 0, "Retain")]
)
def test_a_stopped_workload_keeps_its_claims(mode: str, replicas: int, when_scaled: str) -> None:
    """In the same apply that takes the pods away; the user's word returns with the start."""
    built = statefulset(**specs.STORAGE, replicas=3, operatingMode=mode)

    assert built["replicas"] == replicas
    assert built["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == when_scaled


def test_nothing_that_may_change_reaches_a_claim_template() -> None:
    """It is immutable: not the workload's labels, not the order in which it was written."""
    reordered = {
        **specs.STORAGE,
        "volumeClaimTemplates": specs.STORAGE["volumeClaimTemplates"][::-1],
    }
    templates = statefulset(**specs.STORAGE)["volumeClaimTemplates"]

    assert statefulset(**reordered, labels={"a": "b"}, annotations={"c": "d"})[
        "volumeClaimTemplates"
    ] == (templates)


def test_a_spread_constraint_counts_our_pods_unless_it_names_others() -> None:
    """Kubernetes counts none where nothing is named, and the constraint has no effect."""
    base = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    other = {**base, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}

    built = pod(topologySpreadConstraints=[base, other])["topologySpreadConstraints"]

    ours = {"matchLabels": {"mcpworkload.dev/workload": "weather"}}
    assert [constraint["labelSelector"] for constraint in built] == [ours, {}]
