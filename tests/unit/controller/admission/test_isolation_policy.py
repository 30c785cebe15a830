"""What may not be done to the gate of an isolated pod, and around it."""

from copy import deepcopy
from typing import Any

import pytest

from mcpworkload.api import names
from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.controller.admission.installation import GateTarget, Policy
from mcpworkload.controller.admission.policy import check_template, find_forbidden
from mcpworkload.controller.desired.gate import build_gate
from mcpworkload.controller.desired.pod import build_pod_template
from mcpworkload.controller.settings import PodSecurity
from mcpworkload.kube.manifest import Manifest
from tests.support.bridged import attach, inject
from tests.support.parsed import make_workload

POLICY = Policy(
    # The rules of isolation are the installation's, whatever it allows otherwise.
    pod_security=PodSecurity.PRIVILEGED,
    bridge_image="bridge:1",
    gate=GateTarget("10.96.0.7", 8081, 8080),
)
SIDE = {"name": "side", "image": "side:1", "restartPolicy": "Always"}
PLAIN = {"image": "weather:1", "transport": {"type": "streamable-http"}}


def plain(spec: dict[str, Any]) -> Manifest:
    """The template of a workload that is not isolated."""
    return build_pod_template(make_workload(**spec), POLICY)


def isolated(spec: dict[str, Any], *, is_gated: bool = True) -> Manifest:
    """The template of an isolated workload."""
    workload = make_workload(**spec)
    template = build_pod_template(workload, POLICY)
    template["metadata"]["labels"][names.ISOLATED_LABEL] = "true"
    if is_gated:
        gate = build_gate(workload, POLICY, template["spec"]["securityContext"], None)
        inits = template["spec"].get("initContainers", [])
        template["spec"]["initContainers"] = [gate, *inits]
    return template


def pod(template: Manifest) -> Any:
    """Its spec, to be changed."""
    return template["spec"]


def refusal(template: Manifest, built: Manifest) -> str:
    """What is said against *template*; empty for nothing."""
    try:
        check_template(template, built, (), POLICY)
    except PolicyDenied as denied:
        return str(denied)
    return ""


SPECS = pytest.mark.parametrize(
    "spec", [PLAIN, inject(), attach()], ids=["plain", "inject", "attach"]
)


@SPECS
def test_an_isolated_pod_may_run(spec: dict[str, Any]) -> None:
    """The bridge of a stdio server comes after the gate."""
    built = isolated(spec)

    assert refusal(deepcopy(built), built) == ""
    assert find_forbidden(deepcopy(built), built, POLICY) == ()


@SPECS
def test_the_gate_comes_first(spec: dict[str, Any]) -> None:
    """A sidecar before it would run without rules."""
    built = isolated(spec)
    before, without, behind = deepcopy(built), deepcopy(built), deepcopy(built)
    pod(before)["initContainers"].insert(0, SIDE)
    pod(without)["initContainers"].pop(0)
    pod(behind)["initContainers"].append(pod(behind)["initContainers"].pop(0))
    pod(behind)["initContainers"].insert(0, SIDE)

    for template in (before, without, behind):
        assert "leave mcpw-gate first" in refusal(template, built)


@pytest.mark.parametrize("spec", [inject(), attach()], ids=["inject", "attach"])
def test_the_bridge_comes_right_after_the_gate(spec: dict[str, Any]) -> None:
    """In a template with a gate nothing else comes between."""
    built = isolated(spec)
    template = deepcopy(built)
    pod(template)["initContainers"].insert(1, SIDE)

    assert "leave mcpw-bridge first" in refusal(template, built)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", "mine:1"),
        ("command", ["true"]),
        ("args", ["gate"]),
        ("restartPolicy", "Always"),
        ("env", [{"name": "A", "value": "b"}]),
        ("volumeMounts", [{"name": "tmp", "mountPath": "/mcpw"}]),
        ("securityContext", {"privileged": True}),
    ],
)
def test_the_gate_stays_as_it_is(field: str, value: Any) -> None:
    """Another program would prove nothing."""
    built = isolated(PLAIN)
    template = deepcopy(built)
    pod(template)["initContainers"][0][field] = value

    assert "leave it as it was: the gate needs it so" in refusal(template, built)


def test_what_differs_between_installations_may_differ() -> None:
    """How the image is pulled, and what the gate may use."""
    built = isolated(PLAIN)
    template = deepcopy(built)
    pod(template)["initContainers"][0] |= {"imagePullPolicy": "Always", "resources": {}}

    assert refusal(template, built) == ""


def test_others_may_come_after_the_gate() -> None:
    """Init containers and sidecars of the user's, which then have a network with rules."""
    built = isolated(PLAIN)
    template = deepcopy(built)
    pod(template)["initContainers"].append(SIDE)
    pod(template)["shareProcessNamespace"] = True

    assert refusal(template, built) == ""


@pytest.mark.parametrize("is_gated", [True, False])
def test_no_isolated_pod_has_the_nodes_network(is_gated: bool) -> None:
    """No NetworkPolicy holds there, whether the proof is waived or not."""
    built = isolated(PLAIN, is_gated=is_gated)
    template = deepcopy(built)
    pod(template)["hostNetwork"] = True

    words = "leave it out: the rules of an isolated pod do not hold for a node's network"
    assert words in refusal(template, built)
    assert any(words in str(each) for each in find_forbidden(template, built, POLICY))
    assert refusal({**plain(PLAIN), "spec": pod(template)}, built)


def test_others_may_have_it_where_the_installation_allows_that() -> None:
    """Only isolation is contradicted by it."""
    template = plain(PLAIN)
    pod(template)["hostNetwork"] = True

    assert refusal(template, plain(PLAIN)) == ""


@pytest.mark.parametrize("where", ["initContainers", "containers"])
def test_the_gates_name_is_the_operators(where: str) -> None:
    """Who reads the pods' status takes a container of that name for the gate."""
    for built in (plain(PLAIN), isolated(PLAIN, is_gated=False)):
        template = deepcopy(built)
        pod(template).setdefault(where, []).append({**SIDE, "name": names.GATE})

        words = "choose another name: this one is the gate's"
        assert words in refusal(template, built)
        assert any(words in str(each) for each in find_forbidden(template, built, POLICY))


def test_what_others_put_before_a_live_gate_is_found() -> None:
    """The apply restores the gate, but leaves what others own beside it."""
    wanted = isolated(PLAIN)
    live = deepcopy(wanted)
    pod(live)["initContainers"].insert(0, SIDE)

    (found,) = find_forbidden(live, wanted, POLICY)

    assert "nothing may run before the rules" in str(found)
    assert found.path == ("spec", "initContainers", "0", "name")


@pytest.mark.parametrize(
    ("field", "value"),
    [("restartPolicy", "Always"), ("env", [{"name": "A", "value": "b"}])],
)
def test_what_others_add_to_a_live_gate_is_found(field: str, value: Any) -> None:
    """With a restart policy the pod would not wait for its end."""
    wanted = isolated(PLAIN)
    live = deepcopy(wanted)
    pod(live)["initContainers"][0] |= {
        field: value,
        "imagePullPolicy": "Always",
        "terminationMessagePath": "/dev/termination-log",
    }

    (found,) = find_forbidden(live, wanted, POLICY)

    assert found.path == ("spec", "initContainers", "0", field)
