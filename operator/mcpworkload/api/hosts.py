"""
The entries of a permission profile that name hosts, taken apart.

Pure. Outbound entries are names, addresses or networks, inbound entries addresses, networks, or
pods by namespace and workload.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

#: An address is a network of one.
Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class HostName:
    """A name in lower case, without a dot at either end."""

    name: str
    #: Whether the names below it are meant as well.
    has_subdomains: bool = False


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
    def needs_proxy(self) -> bool:
        """True if only a proxy can tell what is allowed."""
        return not self.is_all and bool(self.hosts or self.ports)
