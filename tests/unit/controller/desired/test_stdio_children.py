"""The children of stdio servers: whole manifests, and what of them depends on the spec."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mcpworkload.api.refusals import InvalidSpec, PolicyDenied
from mcpworkload.controller.desired import Policy, build_children, build_draft, server_url
from tests.support import stdio_specs
from tests.support.bridged import (
    IMAGE,
    MOUNTED,
    POLICY,
    attach,
    children,
    inject,
    option,
    pod,
    server,
    sidecar,
)
from tests.support.parsed import make_workload
from tests.support.stdio_specs import AFFINE, ATTACH, NONE, stdio

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("golden", "spec", "policy"),
    [
        pytest.param("stdio-inject", stdio_specs.GOOD["inject"], POLICY, id="inject"),
        pytest.param("stdio-inject-all", stdio_specs.GOOD["inject-all"], MOUNTED, id="every field"),
        pytest.param("stdio-attach", stdio_specs.GOOD["attach-two"], POLICY, id="attach"),
        pytest.param("stdio-none", stdio_specs.GOOD["none"], Policy(), id="none"),
    ],
)
def test_children_are_the_golden_manifests(
    golden: str, spec: dict[str, Any], policy: Policy
) -> None:
    """A change here rolls every pod of every installation: it has to be worth that."""
    built = [child.manifest for child in build_children(make_workload(**spec), policy)]

    assert built == list(yaml.safe_load_all((GOLDEN / f"{golden}.yaml").read_text()))


def test_the_server_gets_its_environment_and_nothing_else() -> None:
    """It does not listen; HOME is where its container can be written to."""
    for spec in (inject(), attach(), stdio(NONE)):
        assert server(spec)["env"] == [{"name": "HOME", "value": "/tmp"}]


@pytest.mark.parametrize(
    ("spec", "way"),
    [(inject(), "serve"), (attach(), "attach"), (attach(ATTACH, command=["x"]), "attach")],
)
def test_the_arguments_of_the_bridge(spec: dict[str, Any], way: str) -> None:
    """All of it, so that another version's defaults change nothing."""
    args = server(spec)["args"] if way == "serve" else sidecar(spec)["args"]

    assert args[0] == way
    assert option(args, "service") == ["weather", "weather-svc"]
    assert option(args, "namespace") == ["team"]
    assert option(args, "sessions") == ["PerSession" if way == "serve" else "Shared"]
    assert (option(args, "idle-timeout"), option(args, "request-timeout")) == (["1800"], ["300"])


def test_no_option_of_the_bridge_is_expanded_by_the_kubelet() -> None:
    """What looks like a variable in a path is part of it; the words of the server stay."""
    args = server(inject(path="/$(HOME)"))["args"]

    assert option(args, "path") == ["/$$(HOME)"]
    assert args[-1] == "--city=$(CITY)"


@pytest.mark.parametrize(
    ("spec", "grace"),
    [
        pytest.param({}, "23", id="the default, without pause and report"),
        pytest.param({"terminationGracePeriodSeconds": 120}, "113", id="long"),
        pytest.param({"terminationGracePeriodSeconds": 1}, "1", id="too short for anything"),
        pytest.param({"lifecycle": {"preStop": {"sleep": {"seconds": 10}}}}, "18", id="a pause"),
        pytest.param({"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}, "28", id="a hook"),
    ],
)
def test_the_bridge_ends_before_it_is_killed(spec: dict[str, Any], grace: str) -> None:
    """What is left of the grace period after the pause, but for the report of the end."""
    assert option(server(inject(**spec))["args"], "grace") == [grace]


@pytest.mark.parametrize(
    ("grace", "hook", "leaves"),
    [
        pytest.param(None, "/idle?pause=5&within=23", "4", id="the default"),
        pytest.param(120, "/idle?pause=5&within=113", "4", id="long"),
        pytest.param(10, "/idle?pause=5&within=5", "4", id="short"),
        pytest.param(2, "/idle?pause=1&within=1", "0", id="shorter"),
        pytest.param(1, None, "0", id="too short for anything"),
    ],
)
def test_a_server_that_is_attached_to_ends_when_its_bridge_is_idle(
    grace: int | None, hook: str | None, leaves: str
) -> None:
    """A sidecar is told to end after the server, which is too late for what it has accepted."""
    spec = attach(port=8081)
    if grace is not None:
        spec["terminationGracePeriodSeconds"] = grace
    leave = sidecar(spec)["lifecycle"]["preStop"]["exec"]["command"]

    assert server(spec).get("lifecycle") == (
        hook and {"preStop": {"httpGet": {"path": hook, "port": 8081}}}
    )
    assert leave == ["/mcpw/bin/mcpw", "leave", leaves]


def test_a_hook_of_the_users_is_the_only_one() -> None:
    """Whichever bridge there is; the pause of an injected one is a pause and no more."""
    hook = {"preStop": {"exec": {"command": ["x"]}}}

    assert server(attach(lifecycle=hook))["lifecycle"] == hook
    pause = attach(lifecycle={"preStop": {"sleep": {"seconds": 12}}})
    assert sidecar(pause)["lifecycle"]["preStop"]["exec"]["command"][-1] == "11"
    assert server(inject())["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


@pytest.mark.parametrize(
    ("options", "path", "expected"),
    [
        (None, None, "/mcp"),
        ({"serve": ["sse"]}, None, "/sse"),
        ({"serve": ["sse"]}, "/events", "/events"),
        ({"serve": ["sse", "streamable-http"]}, None, "/mcp"),
        (None, "/weather", "/weather"),
    ],
)
def test_where_it_is_served(options: Any, path: str | None, expected: str) -> None:
    """The URL and what the bridge is told are the same."""
    spec = inject(options, **({"path": path} if path else {}))

    assert server_url(make_workload(**spec)) == f"http://weather.team.svc:8080{expected}"
    assert option(server(spec)["args"], "path") == [expected]


def test_without_a_bridge_nothing_is_served() -> None:
    """No URL, no port, no probe; but an open standard input."""
    spec = stdio(NONE)
    built = server(spec, Policy())

    assert server_url(make_workload(**spec)) == ""
    assert built["stdin"] is True
    assert built["ports"] == []
    assert not {"startupProbe", "readinessProbe"} & built.keys()
    assert children(spec)["Service weather"]["spec"]["ports"] == []


@pytest.mark.parametrize("spec", [attach(), stdio(NONE)], ids=["attach", "none"])
def test_probes_need_something_to_probe(spec: dict[str, Any]) -> None:
    """Times of a probe that is not there are no wish that could be met."""
    readiness = {"exec": {"command": ["true"]}}
    assert server({**spec, "probes": {"readiness": readiness}})["readinessProbe"] == readiness
    assert "readinessProbe" not in server({**spec, "probes": {"readiness": {"disabled": True}}})
    times: dict[str, dict[str, int]] = {"startup": {"failureThreshold": 3}, "liveness": {}}
    for name, probe in times.items():
        with pytest.raises(InvalidSpec, match=rf"spec\.probes\.{name}: found no handler; write"):
            server({**spec, "probes": {name: probe}})


def test_liveness_of_an_injected_bridge_is_an_open_port() -> None:
    """One that is not ready may be busy; ending it would end all sessions."""
    built = server(inject(probes={"liveness": {"periodSeconds": 9}}))

    assert built["livenessProbe"] == {"tcpSocket": {"port": 8080}, "periodSeconds": 9}
    assert built["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 8080}


@pytest.mark.parametrize(
    ("replicas", "pods"),
    [(2, ["weather-0", "weather-1"]), (1, ["weather-0"])],
)
def test_the_service_account_may_attach_to_its_pods_alone(replicas: int, pods: list[str]) -> None:
    """By name."""
    (rule,) = children(attach(replicas=replicas, **AFFINE))["Role weather-mcpw-bridge"]["rules"]

    assert rule["resourceNames"] == pods
    assert (rule["resources"], rule["verbs"]) == (["pods/attach"], ["get", "create"])


def test_without_pods_there_is_no_right() -> None:
    """A rule with an empty list of names would be about every pod of the namespace."""
    assert children(attach(replicas=0))["Role weather-mcpw-bridge"]["rules"] == []


def test_only_a_bridge_that_attaches_has_a_service_account() -> None:
    """Three children more, and only then."""
    assert {name.partition(" ")[0] for name in children(inject())} == {"Service", "StatefulSet"}
    built = pod(attach())
    assert built["serviceAccountName"] == "weather-mcpw-bridge"
    assert built["automountServiceAccountToken"] is False
    assert [mount["name"] for mount in built["containers"][0]["volumeMounts"]] == ["tmp"]


def test_the_bridge_needs_no_root_where_the_server_does() -> None:
    """And has the pod's user where there is one; else that of its image."""
    for spec in (inject, attach):
        root = pod(spec(podSecurityContext={"runAsUser": 0}))["initContainers"][0]
        assert root["securityContext"]["runAsUser"] == 1000
        own = pod(spec(podSecurityContext={"runAsUser": None}))["initContainers"][0]
        assert "runAsUser" not in own["securityContext"]
        assert own["securityContext"]["runAsNonRoot"] is True


def test_a_mounted_bridge_needs_no_copy() -> None:
    """Where the nodes can mount an image."""
    built = pod(inject(), MOUNTED)

    assert "initContainers" not in built
    assert built["volumes"][0] == {"name": "mcpw-bridge", "image": {"reference": IMAGE}}
    assert built["containers"][0]["volumeMounts"][0]["subPath"] == "mcpw"


def test_another_service_restarts_no_pod() -> None:
    """Its name is known to the bridge from the beginning; an alias is one more name."""
    plain, with_service = inject(), inject(service={"type": "ClusterIP"})

    assert pod(plain) == pod(with_service)
    aliased = server(inject(service={"headlessAlias": "old"}))["args"]
    assert option(aliased, "service") == ["weather", "weather-svc", "old"]


@pytest.mark.parametrize(
    ("spec", "policy", "words"),
    [
        pytest.param(inject(), Policy(), "set MCPWORKLOAD_BRIDGE_IMAGE", id="no bridge"),
        pytest.param(attach(), Policy(), "set MCPWORKLOAD_BRIDGE_IMAGE", id="none to attach"),
        pytest.param(
            attach(),
            Policy(bridge_image=IMAGE, is_attach_allowed=False),
            "spec.command: missing; write the program that the image starts",
            id="attaching denied",
        ),
    ],
)
def test_what_an_installation_cannot_serve(
    spec: dict[str, Any], policy: Policy, words: str
) -> None:
    """The message says who has to do what."""
    with pytest.raises(PolicyDenied) as caught:
        build_draft(make_workload(**spec), policy)
    assert words in str(caught.value)


def test_what_the_bridge_reads_is_no_reference_of_the_workload() -> None:
    """The cluster's CA is renewed in place; no pod restarts for it."""
    assert build_draft(make_workload(**attach()), POLICY).references == ()


def test_building_twice_gives_equal_children() -> None:
    """Whatever was built before."""
    for spec in stdio_specs.GOOD.values():
        assert children(spec) == children(spec)
