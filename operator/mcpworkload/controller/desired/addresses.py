"""The addresses that are not public, and sums and differences of networks. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import TypeVar

from mcpworkload.api import hosts
from mcpworkload.api.hosts import Network

#: What nobody may reach, and the same by way of NAT64.
LINK_LOCAL: tuple[Network, ...] = (*hosts.LINK_LOCAL, IPv6Network("64:ff9b::a9fe:0/112"))

#: Special-purpose ranges (IANA's registries), link-local among them, but not those set apart for
#: documentation: nothing answers there, and tests use them as the outside.
PRIVATE_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
PRIVATE_V6 = tuple(
    map(
        IPv6Network,
        (
            "::/127",  # unspecified and loopback
            "64:ff9b::/96",  # NAT64 and 6to4 lead to IPv4 addresses, private ones too
            "64:ff9b:1::/48",
            "2002::/16",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ),
    )
)
PRIVATE_NETWORKS: tuple[Network, ...] = (*PRIVATE_V4, *PRIVATE_V6)

_N = TypeVar("_N", IPv4Network, IPv6Network)
_MAPPED = IPv6Network("::ffff:0:0/96")


def merge(networks: Iterable[Network]) -> tuple[Network, ...]:
    """
    Return *networks* sorted and without overlaps, IPv4 first.

    IPv4 addresses written as IPv6 (`::ffff:0:0/96`) become the IPv4 network that is meant; a larger
    network of IPv6 loses them.
    """
    v4: list[IPv4Network] = []
    v6: list[IPv6Network] = []
    for network in networks:
        if isinstance(network, IPv4Network):
            v4.append(network)
        elif network.subnet_of(_MAPPED):
            address = int(network.network_address) & 0xFFFFFFFF
            v4.append(IPv4Network((address, network.prefixlen - 96)))
        elif _MAPPED.subnet_of(network):
            v6.extend(network.address_exclude(_MAPPED))
        else:
            v6.append(network)
    return (*collapse_addresses(v4), *collapse_addresses(v6))


def subtract(networks: Iterable[Network], removed: Iterable[Network]) -> tuple[Network, ...]:
    """Return what of *networks* is in none of *removed*, merged."""
    left = list(merge(networks))
    for gone in merge(removed):
        left = [piece for network in left for piece in _without(network, gone)]
    return merge(left)


def _without(network: Network, gone: Network) -> Iterable[Network]:
    """Return what *gone* leaves of *network*."""
    if isinstance(network, IPv4Network) and isinstance(gone, IPv4Network):
        return _without_same(network, gone)
    if isinstance(network, IPv6Network) and isinstance(gone, IPv6Network):
        return _without_same(network, gone)
    return (network,)


def _without_same(network: _N, gone: _N) -> Iterable[_N]:
    """Return what *gone* leaves of *network*, both of one version."""
    if not network.overlaps(gone):
        return (network,)
    if network.subnet_of(gone):
        return ()
    return network.address_exclude(gone)
