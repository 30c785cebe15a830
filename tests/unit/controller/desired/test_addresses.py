"""What counts as private, and sums and differences of networks."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.api.hosts import Network
from mcpworkload.controller.desired.addresses import (
    LINK_LOCAL,
    PRIVATE_NETWORKS,
    merge,
    subtract,
)
from tests.support.outbound import NETWORKS

LISTS = st.lists(NETWORKS, max_size=5)
MAPPED = IPv6Network("::ffff:0:0/96")


def contains(networks: list[Network] | tuple[Network, ...], address: str) -> bool:
    """Return whether one of *networks* holds *address*."""
    return any(ip_address(address) in network for network in networks)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - an address to classify
        "10.255.255.255",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.1.1",
        "198.19.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)
def test_special_addresses_are_private(address: str) -> None:
    """Special addresses are private."""
    assert contains(PRIVATE_NETWORKS, address)


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1", "198.51.100.1", "203.0.113.1", "1.1.1.1", "172.32.0.1", "2606:4700::1", "::2"],
)
def test_public_and_documentation_addresses_are_not(address: str) -> None:
    """Public and documentation addresses are not."""
    assert not contains(PRIVATE_NETWORKS, address)


def test_link_local_addresses_are_private_too() -> None:
    """Link local addresses are private too."""
    assert subtract(LINK_LOCAL, PRIVATE_NETWORKS) == ()


def test_mapped_addresses_become_what_they_mean() -> None:
    """Mapped addresses become what they mean."""
    assert merge([ip_network("::ffff:10.0.0.0/104")]) == (IPv4Network("10.0.0.0/8"),)


@given(LISTS)
def test_merged_networks_do_not_overlap_nor_hold_mapped_ones(networks: list[Network]) -> None:
    """Merged networks do not overlap nor hold mapped ones."""
    merged = merge(networks)
    for index, one in enumerate(merged):
        assert not (isinstance(one, IPv6Network) and one.overlaps(MAPPED))
        for other in merged[index + 1 :]:
            assert one.version != other.version or not one.overlaps(other)


@given(LISTS, LISTS, NETWORKS)
def test_a_difference_holds_what_only_the_first_holds(
    first: list[Network], second: list[Network], probe: Network
) -> None:
    """A difference holds what only the first holds."""
    address = str(merge([probe])[0].network_address)
    expected = contains(merge(first), address) and not contains(merge(second), address)
    assert contains(subtract(first, second), address) == expected
