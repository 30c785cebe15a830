"""Pure: what the network part of a permission profile allows, in sentences."""

from collections.abc import Iterable, Sequence
from typing import Final

from mcpworkload.api.hosts import Host, HostName, OutboundRules, Pods, Source, Unenforceable

NOT_ISOLATED: Final = (
    "The network is not isolated: the server may connect anywhere, and anything may connect to it."
)
NOT_REQUESTED: Final = (
    "The profile's network part has no effect without isolateNetwork: true (--isolate-network)."
)
_NOTHING_ELSE: Final = "Nothing else leaves the pods, DNS included."
_PUBLIC: Final = "an address that is not private, link-local or otherwise special"
_LINK_LOCAL: Final = "Link-local addresses, that of the cloud's metadata among them, are refused."
_THROUGH: Final = "through the egress proxy"


def outbound_sentences(rules: OutboundRules) -> tuple[str, ...]:
    """Return where a server may connect to; every host and port of *rules* is in one of them."""
    if rules.is_all:
        return _to_all(rules)
    if not rules.needs_proxy:
        nowhere = "The server may connect nowhere. Nothing leaves the pods, DNS included."
        return (nowhere, *_private_alone(rules))
    where = _listed(map(_host, rules.hosts)) if rules.hosts else "every host with a public address"
    may = f"The server may connect to {where}, {_ports(rules.ports)}, {_THROUGH}. {_NOTHING_ELSE}"
    return (may, *_private_names(rules), _LINK_LOCAL)


def inbound_sentences(sources: Sequence[Source] | None) -> tuple[str, ...]:
    """
    Return who may connect to a server; every enforceable entry of *sources* is in one of them.

    None means that nothing is listed, which allows everyone. What no cluster enforces of them,
    `inbound_limits` returns.
    """
    if sources is None:
        return ("Everyone may connect to the workload's ports, and to no other port of its pods.",)
    named = [_source(source) for source in sources if not isinstance(source, Unenforceable)]
    who = _listed([*named, "the operator's pods"])
    return (f"Only {who} may connect to the workload's ports, and no one to another port.",)


def outbound_limits(rules: OutboundRules) -> tuple[str, ...]:
    """Return what of *rules* no cluster enforces."""
    if not rules.needs_proxy:
        return ()
    return (
        "The proxy sees the name that a client asks for in CONNECT, not what passes afterwards: a "
        "host that serves several names can be used for each of them.",
        "A client that ignores HTTP_PROXY and HTTPS_PROXY reaches nothing; only HTTP and what "
        "CONNECT carries pass, and no UDP.",
    )


def inbound_limits(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return what of *sources* no cluster enforces."""
    return tuple(
        f"inbound.allowHost {source.text}: no NetworkPolicy expresses it; write an address, a "
        "network or NAMESPACE[/WORKLOAD]."
        for source in sources
        if isinstance(source, Unenforceable)
    )


def _to_all(rules: OutboundRules) -> tuple[str, ...]:
    also = f" and to {_listed(map(_host, rules.private))}" if rules.private else ""
    ignored = [*map(_host, rules.hosts), *(f"port {port}" for port in rules.ports)]
    listed = f" insecureAllowAll makes {_listed(ignored)} unnecessary." if ignored else ""
    return (
        f"The server may connect to every public address{also}, on every port and without a proxy, "
        f"and may ask the cluster's DNS.{listed}",
        "No connection to another private address leaves the pods.",
        _LINK_LOCAL,
    )


def _private_alone(rules: OutboundRules) -> tuple[str, ...]:
    if not rules.private:
        return ()
    entries = _listed(map(_host, rules.private))
    return (f"allowPrivateHost widens allowHost and allowPort, which are empty: {entries}.",)


def _private_names(rules: OutboundRules) -> tuple[str, ...]:
    if not rules.private:
        return (f"The proxy connects to a name only at {_PUBLIC}.",)
    entries = _listed(map(_host, rules.private), "or")
    return (
        f"The proxy connects to a name only at {_PUBLIC}, unless allowPrivateHost has the name or "
        f"the address: {entries}.",
    )


def _host(entry: Host) -> str:
    if not isinstance(entry, HostName):
        is_one = entry.num_addresses == 1
        return str(entry.network_address) if is_one else f"the network {entry}"
    return f"{entry.name} with every name below it" if entry.has_subdomains else entry.name


def _source(entry: Source) -> str:
    match entry:
        case Pods(namespace, ""):
            return f"the pods of namespace {namespace}"
        case Pods(namespace, workload):
            return f"the pods of workload {namespace}/{workload}"
        case Unenforceable(text):
            return text
        case _:
            return _host(entry)


def _ports(ports: Sequence[int]) -> str:
    if not ports:
        return "on every port"
    return f"on port{'s' if len(ports) > 1 else ''} {_listed(map(str, ports))}"


def _listed(items: Iterable[str], joint: str = "and") -> str:
    *before, last = items
    return f"{', '.join(before)} {joint} {last}" if before else last
