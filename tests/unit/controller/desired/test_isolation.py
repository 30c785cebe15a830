"""Isolated workloads as whole manifests, and the choices behind them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mcpworkload.api import names
from mcpworkload.api.refusals import InvalidSpec, PolicyDenied
from mcpworkload.controller.admission.installation import GateTarget
from mcpworkload.controller.desired import (
    Child,
    Policy,
    Surroundings,
    build_children,
    build_draft,
)
from mcpworkload.controller.settings import PodSecurity
from tests.support.parsed import make_workload

GOLDEN = Path(__file__).parent / "golden"
POLICY = Policy(
    bridge_image="bridge:1",
    egress_image="egress:1",
    gate=GateTarget("10.96.0.7", 8081, 8080),
    dns_servers=("10.244.0.1/32",),
)
WITH_IPV6 = Policy(
    bridge_image="bridge:1",
    egress_image="egress:1",
    gate=GateTarget("10.96.0.7", 8081, 8080, has_ipv6=True),
)
HOSTS = {"allowHost": ["api.example.com", "*.example.org", "192.0.2.7"], "allowPort": [443]}


def outbound(**rules: Any) -> dict[str, Any]:
    """The spec of an isolated workload with those rules outwards."""
    return {"isolateNetwork": True, "permissionProfile": {"network": {"outbound": rules}}}


def build(
    spec: dict[str, Any], *, policy: Policy = POLICY, address: str = "10.96.3.1"
) -> tuple[Child, ...]:
    """The children of a workload whose proxy has that address."""
    workload = make_workload(**spec)
    draft = build_draft(workload, policy, Surroundings(proxy_address=address))
    return build_children(workload, policy, draft.template, draft.grants)


def only(children: tuple[Child, ...], kind: str, name: str = "weather") -> dict[str, Any]:
    """The spec of one child."""
    (found,) = [child for child in children if child.id == (kind, name)]
    spec: dict[str, Any] = found.manifest["spec"]
    return spec


@pytest.mark.parametrize(
    ("golden", "spec"),
    [
        pytest.param("isolated", {"isolateNetwork": True}, id="nothing allowed"),
        pytest.param("isolated-hosts", outbound(**HOSTS), id="hosts and a port"),
        pytest.param(
            "isolated-network",
            {
                "isolateNetwork": True,
                "permissionProfile": {
                    "read": ["configmap://settings:/settings", "volume://maps:/maps"],
                    "write": ["volume://maps:/maps/new", "emptydir://:/cache"],
                    "network": {
                        "outbound": {"insecureAllowAll": True, "allowPrivateHost": ["10.1.0.0/16"]},
                        "inbound": {"allowHost": ["team/client", "gateway", "192.0.2.0/24"]},
                    },
                },
            },
            id="everything public, some files, some clients",
        ),
    ],
)
def test_children_are_the_golden_manifests(golden: str, spec: dict[str, Any]) -> None:
    """A change here rolls the isolated pods of every installation."""
    children = [child.manifest for child in build(spec)]

    assert children == list(yaml.safe_load_all((GOLDEN / f"{golden}.yaml").read_text()))


def test_the_pods_wait_for_the_address_of_their_proxy() -> None:
    """They are made once it is known; the proxy and the policies come first."""
    children = build(outbound(**HOSTS), address="")

    assert "StatefulSet" not in {child.id.kind for child in children}
    assert {child.id.name for child in children if child.id.kind == "NetworkPolicy"} == {
        "weather",
        "weather-egress",
    }


def test_other_hosts_change_the_proxy_and_not_the_server() -> None:
    """A change of rules rolls the proxy alone."""
    before, after = build(outbound(**HOSTS)), build(outbound(allowHost=["other.example"]))

    assert only(before, "StatefulSet") == only(after, "StatefulSet")
    assert only(before, "Deployment", "weather-egress") != only(
        after, "Deployment", "weather-egress"
    )


def test_variables_reach_every_container_and_those_of_the_user_stay() -> None:
    """Sidecars and init containers have no other way out either."""
    spec = {
        **outbound(**HOSTS),
        "env": [{"name": "NO_PROXY", "value": "mine"}],
        "initContainers": [{"name": "fetch", "image": "fetch:1"}],
        "sidecars": [{"name": "side", "image": "side:1"}],
    }
    pod = only(build(spec), "StatefulSet")["template"]["spec"]

    assert [each["name"] for each in pod["initContainers"]] == [names.GATE, "fetch", "side"]
    for container in (*pod["containers"], *pod["initContainers"][1:]):
        variables = {entry["name"]: entry["value"] for entry in container["env"]}
        assert variables["HTTPS_PROXY"] == variables["http_proxy"] == "http://10.96.3.1:3128"
        assert variables["NODE_USE_ENV_PROXY"] == "1"
    server = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    assert server["NO_PROXY"] == "mine"


def test_the_gate_comes_before_the_copy_of_the_bridge() -> None:
    """Nothing of the pod runs before the rules are enforced, not even what is ours."""
    spec = {"isolateNetwork": True, "transport": {"type": "stdio"}, "command": ["weather"]}
    pod = only(build(spec), "StatefulSet")["template"]["spec"]

    assert [each["name"] for each in pod["initContainers"]] == [names.GATE, names.BRIDGE]


def test_a_waived_gate_is_left_out() -> None:
    """The installation takes the objects for the rules."""
    policy = Policy(is_gate_required=False)
    children = build({"isolateNetwork": True}, policy=policy)

    assert "initContainers" not in only(children, "StatefulSet")["template"]["spec"]
    assert only(children, "NetworkPolicy")["egress"] == []


def test_rules_of_ipv6_are_written_only_where_there_is_ipv6() -> None:
    """Some engines forget a whole policy over a peer that they cannot read."""
    rules = outbound(allowHost=["a.example", "2001:db8::7"])

    assert _blocks(build(rules)) == ["0.0.0.0/0"]
    assert _blocks(build(rules, policy=WITH_IPV6)) == ["0.0.0.0/0", "::/0"]


@pytest.mark.parametrize(
    ("rules", "is_private"),
    [
        ({"allowHost": ["a.example"]}, False),
        ({"allowHost": ["10.1.2.3"]}, True),
        ({"allowHost": ["a.example"], "allowPrivateHost": ["10.1.0.0/16"]}, True),
        ({"allowHost": ["a.example"], "allowPrivateHost": ["a.example"]}, True),
    ],
)
def test_the_proxy_reaches_private_addresses_only_where_one_is_listed(
    rules: dict[str, Any], is_private: bool
) -> None:
    """
    Its policy bounds what a fault of the proxy could do; link-local stays out in any case.

    A private address may be a Service's: engines see the pod and the port behind it.
    """
    children = build(outbound(**rules, allowPort=[443]))
    rule = only(children, "NetworkPolicy", "weather-egress")["egress"][0]

    excluded = rule["to"][0]["ipBlock"]["except"]
    assert ("10.0.0.0/8" in excluded) is not is_private
    assert ("ports" in rule) is not is_private
    assert "169.254.0.0/16" in excluded


def test_inbound_entries_are_the_only_sources_beside_the_operator() -> None:
    """Entries that cannot be enforced let nobody in."""
    spec = {
        "isolateNetwork": True,
        "permissionProfile": {"network": {"inbound": {"allowHost": ["client.example.com"]}}},
    }
    (rule,) = only(build(spec), "NetworkPolicy")["ingress"]

    assert [list(peer) for peer in rule["from"]] == [["namespaceSelector", "podSelector"]]
    assert rule["ports"] == [{"port": 8080, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("spec", "policy", "error", "said"),
    [
        ({}, Policy(bridge_image="b:1"), PolicyDenied, "mcpworkload-gate"),
        ({}, Policy(gate=POLICY.gate), PolicyDenied, "MCPWORKLOAD_BRIDGE_IMAGE"),
        (
            {"permissionProfile": {"network": {"outbound": {"allowPort": [443]}}}},
            Policy(bridge_image="b:1", gate=POLICY.gate),
            PolicyDenied,
            "MCPWORKLOAD_EGRESS_IMAGE",
        ),
        ({"transport": {"type": "stdio"}}, POLICY, InvalidSpec, "spec.command"),
        (
            {"podTemplatePatch": [{"op": "add", "path": "/spec/hostNetwork", "value": True}]},
            Policy(pod_security=PodSecurity.PRIVILEGED, bridge_image="b:1", gate=POLICY.gate),
            PolicyDenied,
            "hostNetwork",
        ),
        (
            {"annotations": {"k8s.v1.cni.cncf.io/networks": "other"}},
            POLICY,
            PolicyDenied,
            "second network",
        ),
        (
            outbound(
                allowPrivateHost=[f"fd00:{number:x}:1::{number:x}" for number in range(1, 65)],
                allowHost=["a.example"],
            ),
            WITH_IPV6,
            InvalidSpec,
            "write fewer entries",
        ),
    ],
)
def test_what_cannot_be_isolated_is_refused(
    spec: dict[str, Any], policy: Policy, error: type[Exception], said: str
) -> None:
    """Before any pod exists."""
    with pytest.raises(error, match=said):
        build({"isolateNetwork": True, **spec}, policy=policy)


def _blocks(children: tuple[Child, ...]) -> list[str]:
    return [peer["ipBlock"]["cidr"] for peer in _outwards(children)]


def _outwards(children: tuple[Child, ...]) -> list[Any]:
    peers: list[Any] = only(children, "NetworkPolicy", "weather-egress")["egress"][0]["to"]
    return peers
