"""
The entries of a permission profile that name hosts, taken apart.

Pure. Outbound entries are names, addresses or networks, inbound entries addresses, networks, or
pods by namespace and workload.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Protocol

from mcpworkload.api.entries import BadEntry

#: An address is a network of one.
Network = IPv4Network | IPv6Network

_MAX_NAME = 253
_LABEL = re.compile(r"[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?")
# What resolvers take for an address in an old notation: 127.1, 0x7f000001, 017700000001.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_KUBERNETES_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LOOPBACK = ip_network("127.0.0.1/32")
#: Cloud providers answer there with credentials of the node.
LINK_LOCAL: tuple[Network, ...] = (ip_network("169.254.0.0/16"), ip_network("fe80::/10"))
_MAPPED = IPv6Network("::ffff:0:0/96")
_FORMS = (
    'write a name such as "api.example.com", ".example.com" for it and all names below it, an '
    'address or a network such as "192.0.2.0/24"'
)


@dataclass(frozen=True)
class HostName:
    """A name in lower case, without a dot at either end."""

    name: str
    #: Whether the names below it are meant as well.
    has_subdomains: bool = False

    def __str__(self) -> str:
        """Return the name, after a dot if the names below it are meant as well."""
        return f".{self.name}" if self.has_subdomains else self.name


#: An entry of allowHost or allowPrivateHost.
Host = HostName | Network


@dataclass(frozen=True)
class Pods:
    """The pods of a namespace, or of one workload in it."""

    namespace: str
    #: Empty for all pods.
    workload: str = ""


@dataclass(frozen=True)
class Unenforceable:
    """An inbound entry that no NetworkPolicy can express, as it was written."""

    text: str


#: An entry of inbound.allowHost.
Source = Network | Pods | Unenforceable


@dataclass(frozen=True)
class OutboundRules:
    """
    Where a server may connect to, taken apart; nothing listed and not all is nowhere.

    Hosts and ports must both match when both are given.
    """

    is_all: bool = False
    hosts: tuple[Host, ...] = ()
    ports: tuple[int, ...] = ()
    #: What may be private: a name that resolves to such an address, or addresses themselves.
    private: tuple[Host, ...] = ()

    @property
    def addresses(self) -> tuple[Network, ...]:
        """The entries that are addresses or networks, private ones last."""
        listed = (*self.hosts, *self.private)
        return tuple(each for each in listed if not isinstance(each, HostName))

    def without_ipv6(self) -> "OutboundRules":
        """Return the rules without addresses of IPv6; what listed only those allows nothing."""
        hosts = tuple(each for each in self.hosts if not isinstance(each, IPv6Network))
        private = tuple(each for each in self.private if not isinstance(each, IPv6Network))
        if self.hosts and not hosts:
            return OutboundRules(self.is_all)
        return replace(self, hosts=hosts, private=private)

    @property
    def needs_proxy(self) -> bool:
        """True if only a proxy can tell what is allowed."""
        return not self.is_all and bool(self.hosts or self.ports)


class _Outbound(Protocol):
    @property
    def insecure_allow_all(self) -> bool: ...
    @property
    def allow_host(self) -> Sequence[str]: ...
    @property
    def allow_port(self) -> Sequence[int]: ...
    @property
    def allow_private_host(self) -> Sequence[str]: ...


class _Network(Protocol):
    @property
    def outbound(self) -> _Outbound: ...


def outbound_rules(network: _Network) -> OutboundRules:
    """
    Return the outbound part of a profile's *network*, taken apart.

    Raises:
        BadEntry: an entry is of no form that `parse_host` knows.
    """
    outbound = network.outbound
    return OutboundRules(
        is_all=outbound.insecure_allow_all,
        hosts=tuple(parse_host(entry) for entry in outbound.allow_host),
        ports=tuple(outbound.allow_port),
        private=tuple(parse_host(entry) for entry in outbound.allow_private_host),
    )


def parse_host(text: str) -> Host:
    """
    Return the name, address or network that an outbound entry stands for.

    Raises:
        BadEntry: it is none of them, or a link-local address, which no server may reach.
    """
    _check_characters(text)
    network = _network(text)
    if network is not None:
        return _reachable(network)
    if ":" in text:
        raise BadEntry(f"an entry has no scheme, port or brackets; {_FORMS}; ports stand apart")
    if "/" in text:
        raise BadEntry(f"an entry has no path; {_FORMS}")
    return _host_name(text)


def parse_source(text: str) -> Source:
    """
    Return what an inbound entry stands for; `localhost` is the address of the pod's own loopback.

    Raises:
        BadEntry: it is a network with an address inside it.
    """
    if text == "localhost":
        return _LOOPBACK
    network = _network(text)
    if network is not None:
        return network
    namespace, slash, workload = text.partition("/")
    if not _KUBERNETES_LABEL.fullmatch(namespace):
        return Unenforceable(text)
    if slash and not _KUBERNETES_LABEL.fullmatch(workload):
        return Unenforceable(text)
    return Pods(namespace, workload)


def _check_characters(text: str) -> None:
    if not text:
        raise BadEntry(f"an entry is not empty; {_FORMS}")
    if not text.isascii():
        raise BadEntry('write the name in punycode, such as "xn--bcher-kva.example" for bücher')
    if any(char <= " " or char == "\x7f" for char in text):
        raise BadEntry(f"an entry has no spaces or control characters; {_FORMS}")


def _network(text: str) -> Network | None:
    """Return the address or network that *text* is; None if it is neither."""
    # Zones (fe80::1%eth0) belong to a node; the module would take them.
    if "%" in text or not text.isascii():
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    prefix = text.partition("/")[2]
    if prefix and not prefix.isdigit():
        # The module also takes a netmask.
        raise BadEntry(f"write the network as {network}")
    if "/" in text and ip_network(text.partition("/")[0]) != ip_network(network.network_address):
        raise BadEntry(f"it is an address inside a network: write the network, {network}")
    return network


def _reachable(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        raise BadEntry("write an address of IPv4 as such, without ::ffff:")
    for never in LINK_LOCAL:
        if network.version == never.version and network.subnet_of(never):  # type: ignore[arg-type]
            raise BadEntry(f"leave it out: no server may reach link-local addresses ({never})")
    return network


def _host_name(text: str) -> HostName:
    name = text.lower().removesuffix(".")
    if name == "*":
        raise BadEntry(f"for every host, set insecureAllowAll; {_FORMS}")
    has_subdomains = name.startswith((".", "*."))
    name = name.removeprefix("*").removeprefix(".") if has_subdomains else name
    if "*" in name:
        raise BadEntry(f"a star stands only in front, as in *.example.com; {_FORMS}")
    labels = name.split(".")
    if not all(labels):
        raise BadEntry(f"nothing stands between two dots, or before or after one; {_FORMS}")
    if _NUMBER.fullmatch(labels[-1]):
        raise BadEntry(f"it ends like an address, and is none; {_FORMS}")
    if len(name) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadEntry(
            "a name has letters, digits, dashes and underscores, at most 63 between two dots and "
            f"{_MAX_NAME} in all; {_FORMS}"
        )
    return HostName(name, has_subdomains)
