"""Strategies for outbound rules."""

import random
from ipaddress import IPv4Network, IPv6Network

from hypothesis import strategies as st

from mcpworkload.api.hosts import Host, HostName, Network, OutboundRules

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
#: Few labels, so that one name is often below another.
FEW = st.sampled_from(["a", "b", "xn--p1ai", "example", "com"])
NAMES = st.builds(
    HostName,
    st.lists(FEW | LABELS, min_size=1, max_size=5).map(".".join),
    st.booleans(),
)


def _v4(address: int, length: int) -> IPv4Network:
    """Return the network of *length* around *address*."""
    return IPv4Network((address, length), strict=False)


def _v6(address: int, length: int) -> IPv6Network:
    """Return the network of *length* around *address*."""
    return IPv6Network((address, length), strict=False)


V4 = st.builds(_v4, st.integers(0, 2**32 - 1), st.integers(0, 32))
V6 = st.builds(_v6, st.integers(0, 2**128 - 1), st.integers(0, 128))
#: Around what is special, where differences of networks are cut small.
MAPPED = st.builds(_v6, st.integers(0xFFFF << 32, (0x10000 << 32) - 1), st.integers(64, 128))
NEAR = st.sampled_from([IPv4Network("10.9.8.7/32"), IPv4Network("169.254.169.254/32")])
NETWORKS: st.SearchStrategy[Network] = V4 | V6 | MAPPED | NEAR
HOSTS: st.SearchStrategy[Host] = NAMES | NETWORKS
PORTS = st.integers(1, 65535)
RULES = st.builds(
    OutboundRules,
    hosts=st.lists(HOSTS, max_size=8).map(tuple),
    ports=st.lists(PORTS, max_size=4).map(tuple),
    private=st.lists(HOSTS, max_size=4).map(tuple),
).filter(lambda rules: rules.needs_proxy)


def random_rules(chance: random.Random) -> OutboundRules:
    """Return rules out of *chance*: in thousands, where a strategy takes minutes."""
    while True:
        rules = OutboundRules(
            hosts=tuple(_host(chance) for _ in range(chance.randrange(12))),
            ports=tuple(chance.randint(1, 65535) for _ in range(chance.randrange(4))),
            private=tuple(_host(chance) for _ in range(chance.randrange(6))),
        )
        if rules.needs_proxy:
            return rules


def _host(chance: random.Random) -> Host:
    """Return a host out of *chance*."""
    kind = chance.randrange(4)
    if kind == 0:
        return _v4(chance.getrandbits(32), chance.randint(0, 32))
    if kind == 1:
        return _v6(chance.getrandbits(128) >> chance.choice((0, 80, 96)), chance.randint(0, 128))
    letters = "ab0-_z"
    labels = []
    for _ in range(chance.randint(1, 6)):
        middle = "".join(chance.choice(letters) for _ in range(chance.choice((0, 0, 1, 3, 61))))
        labels.append(f"{chance.choice('ab')}{middle}")
    name = ".".join(labels)[:253].rstrip(".-_")
    return HostName(name, chance.random() < 0.5)
