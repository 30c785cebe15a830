"""
Build the NetworkPolicies of an isolated workload: they only allow.

What is not allowed here the policy of the namespace denies (`controller/deny_policies.py`), so that
a policy that is lost, or deleted before the last pod is, closes and never opens.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from mcpworkload.api import names
from mcpworkload.api.hosts import HostName, Network, OutboundRules, Pods
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.children import NETWORK_POLICY
from mcpworkload.controller.desired.addresses import LINK_LOCAL, PRIVATE_NETWORKS, subtract
from mcpworkload.controller.desired.child import Child, build_child
from mcpworkload.controller.desired.grants import Isolation
from mcpworkload.kube.manifest import Manifest

#: On every isolated pod; the policy of the namespace selects by it.
LABELS: Final = {names.ISOLATED_LABEL: "true"}
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
_OPERATOR = {"app.kubernetes.io/name": names.FIELD_MANAGER}


def build_policies(workload: Workload, isolation: Isolation, policy: Policy) -> Iterator[Child]:
    """Yield what lets clients reach the pods, and the pods what their profile lists."""
    selector = {**names.selector_labels(workload.name), **LABELS}
    spec = _build_spec(
        selector,
        ingress=list(_build_ingress(workload, isolation, policy)),
        egress=list(_build_egress(workload, isolation.outbound, policy)),
    )
    yield build_child(NETWORK_POLICY.named(workload.name), workload, {"spec": spec})
    if isolation.outbound.needs_proxy:
        child_id = NETWORK_POLICY.named(names.egress_name(workload.name))
        yield build_child(
            child_id, workload, {"spec": _build_proxy_spec(workload, isolation, policy)}
        )


def proxy_labels(workload: Workload) -> dict[str, str]:
    """Return the labels that select the pods of the egress proxy."""
    return {names.EGRESS_LABEL: workload.name}


def _build_spec(selector: Manifest, ingress: list[Manifest], egress: list[Manifest]) -> Manifest:
    # Both lists are written even where they are empty: what another client adds to them is then
    # a difference, which the operator undoes.
    return {
        "podSelector": {"matchLabels": selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": egress,
    }


def _build_ingress(workload: Workload, isolation: Isolation, policy: Policy) -> Iterator[Manifest]:
    """Yield the rule for the workload's ports: everybody, or the sources that are listed."""
    spec = workload.spec
    listening = [] if spec.bridge is Bridge.NONE else [(spec.transport.port, "TCP")]
    ports = [*listening, *(port.inside for port in spec.ports)]
    if not ports:
        return
    rule: Manifest = {"ports": [{"port": port, "protocol": protocol} for port, protocol in ports]}
    if isolation.sources is not None:
        rule["from"] = [*map(_build_source, isolation.sources), _operator(policy)]
    yield rule


def _build_egress(workload: Workload, rules: OutboundRules, policy: Policy) -> Iterator[Manifest]:
    if policy.is_gate_required and policy.gate is not None:
        port = {"port": policy.gate.control_port, "protocol": "TCP"}
        yield {"to": [_operator(policy)], "ports": [port]}
    if rules.is_all:
        yield from _build_public(rules, policy)
    elif rules.needs_proxy:
        proxy = {"podSelector": {"matchLabels": proxy_labels(workload)}}
        yield {"to": [proxy], "ports": [{"port": names.EGRESS_PORT, "protocol": "TCP"}]}


def _build_public(rules: OutboundRules, policy: Policy) -> Iterator[Manifest]:
    """Yield the rules for every public address, what is private and listed, and DNS."""
    yield {"to": list(_build_anywhere(PRIVATE_NETWORKS, policy))}
    listed = (each for each in rules.private if not isinstance(each, HostName))
    if private := subtract(listed, LINK_LOCAL):
        yield {"to": [_build_block(str(network)) for network in private]}
    yield _build_dns(policy)


def _build_proxy_spec(workload: Workload, isolation: Isolation, policy: Policy) -> Manifest:
    """Return the spec for the proxy's pods: its one client, DNS, and no more than it may need."""
    client = {**names.selector_labels(workload.name), **LABELS}
    ingress = {
        "from": [{"podSelector": {"matchLabels": client}}],
        "ports": [{"port": names.EGRESS_PORT, "protocol": "TCP"}],
    }
    selector = {**proxy_labels(workload), **LABELS}
    outwards = _build_proxy_rule(isolation.outbound, policy)
    return _build_spec(selector, [ingress], [outwards, _build_dns(policy)])


def _build_proxy_rule(rules: OutboundRules, policy: Policy) -> Manifest:
    """
    Return where the proxy may connect to; it bounds what a fault of the proxy could do.

    Engines judge by the pod and the port behind a Service. So where something private is listed,
    which may be a Service, only the proxy can tell what is meant.
    """
    if _may_be_private(rules):
        return {"to": list(_build_anywhere(LINK_LOCAL, policy))}
    public: Manifest = {"to": list(_build_anywhere(PRIVATE_NETWORKS, policy))}
    if rules.ports:
        public["ports"] = [{"port": port, "protocol": "TCP"} for port in rules.ports]
    return public


def _may_be_private(rules: OutboundRules) -> bool:
    """Return whether *rules* list a private address, or a name that may lead to one."""
    has_names = any(isinstance(each, HostName) for each in rules.private)
    return has_names or any(_is_partly_private(network) for network in rules.addresses)


def _is_partly_private(network: Network) -> bool:
    return any(
        network.overlaps(private)
        for private in PRIVATE_NETWORKS
        if private.version == network.version
    )


def _build_dns(policy: Policy) -> Manifest:
    """Return the rule for the cluster's DNS."""
    pods = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    return {
        "to": [pods, *(_build_block(network) for network in policy.dns_servers)],
        "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")],
    }


def _build_source(source: Network | Pods) -> Manifest:
    if not isinstance(source, Pods):
        return _build_block(str(source))
    peer: Manifest = {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: source.namespace}}}
    if source.workload:
        peer["podSelector"] = {"matchLabels": names.selector_labels(source.workload)}
    return peer


def _operator(policy: Policy) -> Manifest:
    return {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: policy.operator_namespace}},
        "podSelector": {"matchLabels": dict(_OPERATOR)},
    }


def _build_anywhere(excluded: Sequence[Network], policy: Policy) -> Iterator[Manifest]:
    """
    Yield the peers for all addresses but *excluded*.

    IPv6 only where the cluster has it: some engines drop a policy that they cannot read in part, or
    go on with the one before it.
    """
    for version, anywhere in ((4, "0.0.0.0/0"), (6, "::/0")):
        if version == 4 or policy.has_ipv6:
            without = [str(each) for each in excluded if each.version == version]
            yield {"ipBlock": {"cidr": anywhere, "except": without}}


def _build_block(network: str) -> Manifest:
    return {"ipBlock": {"cidr": network}}
