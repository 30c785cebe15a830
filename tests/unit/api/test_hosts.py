"""Entries that name hosts: what each form means, and which are none."""

from ipaddress import ip_network

import pytest

from mcpworkload.api.entries import BadEntry
from mcpworkload.api.hosts import (
    Host,
    HostName,
    OutboundRules,
    Pods,
    Source,
    Unenforceable,
    outbound_rules,
    parse_host,
    parse_source,
)
from mcpworkload.api.permissions import NetworkRules, Outbound

LONG = ".".join(["a" * 63] * 3 + ["b" * 61])


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("example.com", HostName("example.com")),
        ("API.Example.COM", HostName("api.example.com")),
        ("example.com.", HostName("example.com")),
        (".example.com", HostName("example.com", has_subdomains=True)),
        ("*.example.com", HostName("example.com", has_subdomains=True)),
        ("*.Example.com.", HostName("example.com", has_subdomains=True)),
        (".com", HostName("com", has_subdomains=True)),
        ("localhost", HostName("localhost")),
        ("db", HostName("db")),
        ("1.example", HostName("1.example")),
        ("3com.4", None),
        ("a-b_c.example", HostName("a-b_c.example")),
        ("xn--bcher-kva.example", HostName("xn--bcher-kva.example")),
        (LONG, HostName(LONG)),
        ("192.0.2.7", ip_network("192.0.2.7/32")),
        ("192.0.2.0/24", ip_network("192.0.2.0/24")),
        ("10.0.0.1/32", ip_network("10.0.0.1/32")),
        ("0.0.0.0/0", ip_network("0.0.0.0/0")),
        ("2001:DB8::1", ip_network("2001:db8::1/128")),
        ("2001:db8::/32", ip_network("2001:db8::/32")),
        ("::/0", ip_network("::/0")),
    ],
)
def test_what_an_outbound_entry_means(text: str, host: Host | None) -> None:
    """In one spelling each."""
    if host is None:
        with pytest.raises(BadEntry):
            parse_host(text)
    else:
        assert parse_host(text) == host


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an entry is not empty"),
        (" ", "no spaces"),
        ("a b", "no spaces"),
        ("example.com ", "no spaces"),
        ("a\tb", "control characters"),
        ("a\nhttp_access allow all", "control characters"),
        ("a\0", "control characters"),
        ("a\x7f", "control characters"),
        ("bücher.example", "xn--"),
        ("ｅxample.com", "xn--"),  # noqa: RUF001 - that it looks alike is the point
        ("a\u2028b", "xn--"),
        ("example.com:443", "ports stand apart"),
        ("192.0.2.1:443", "ports stand apart"),
        ("[2001:db8::1]", "ports stand apart"),
        ("[2001:db8::1]:443", "ports stand apart"),
        ("https://example.com", "no scheme"),
        ("fe80::1%eth0", "no scheme"),
        ("example.com/path", "no path"),
        ("example.com/24", "no path"),
        ("192.0.2.0/33", "no path"),
        ("*", "set insecureAllowAll"),
        (".", "nothing stands between two dots"),
        ("..", "nothing stands between two dots"),
        ("*.", "set insecureAllowAll"),
        ("..example.com", "nothing stands between two dots"),
        ("*..example.com", "nothing stands between two dots"),
        ("a..example.com", "nothing stands between two dots"),
        ("example.com..", "nothing stands between two dots"),
        ("*example.com", "a star stands only in front"),
        ("a.*.example.com", "a star stands only in front"),
        ("**.example.com", "a star stands only in front"),
        ("*.*.example.com", "a star stands only in front"),
        ("127.1", "ends like an address"),
        ("2130706433", "ends like an address"),
        ("0x7f000001", "ends like an address"),
        ("0x7f.0.0.0x1", "ends like an address"),
        ("010.0.0.1", "ends like an address"),
        ("1.2.3.4.5", "ends like an address"),
        ("256.0.0.1", "ends like an address"),
        ("192.0.2.1.", "ends like an address"),
        ("*.2.1", "ends like an address"),
        ("-a.example", "letters, digits"),
        ("a-.example", "letters, digits"),
        ("a'.example", "letters, digits"),
        ('a".example', "letters, digits"),
        ("a#b", "letters, digits"),
        ("a,b", "letters, digits"),
        ("a@b", "letters, digits"),
        ("$a", "letters, digits"),
        ("!a", "letters, digits"),
        ("a\\b", "letters, digits"),
        ("a" * 64, "letters, digits"),
        (f"{LONG}b", "letters, digits"),
        ("192.0.2.1/24", "write the network, 192.0.2.0/24"),
        ("2001:db8::1/32", "write the network, 2001:db8::/32"),
        ("192.0.2.0/255.255.255.0", "write the network as 192.0.2.0/24"),
        ("169.254.169.254", "link-local"),
        ("169.254.0.0/16", "link-local"),
        ("169.254.8.0/24", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::/10", "link-local"),
        ("::ffff:169.254.169.254", "without ::ffff:"),
        ("::ffff:10.0.0.0/104", "without ::ffff:"),
    ],
)
def test_what_is_no_host_is_refused(text: str, words: str) -> None:
    """In words that say what to write."""
    with pytest.raises(BadEntry) as caught:
        parse_host(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("192.0.2.7", ip_network("192.0.2.7/32")),
        ("10.0.0.0/8", ip_network("10.0.0.0/8")),
        ("2001:db8::/32", ip_network("2001:db8::/32")),
        ("localhost", ip_network("127.0.0.1/32")),
        ("front", Pods("front")),
        ("front/agent", Pods("front", "agent")),
        ("example.com", Unenforceable("example.com")),
        ("*.example.com", Unenforceable("*.example.com")),
        ("Front", Unenforceable("Front")),
        ("front/", Unenforceable("front/")),
        ("front/a/b", Unenforceable("front/a/b")),
        ("front/agent:80", Unenforceable("front/agent:80")),
        ("*", Unenforceable("*")),
        ("10.0.0.0/99", Unenforceable("10.0.0.0/99")),
        ("fe80::1%eth0", Unenforceable("fe80::1%eth0")),
        ("a b\n", Unenforceable("a b\n")),
    ],
)
def test_what_an_inbound_entry_means(text: str, source: Source) -> None:
    """What no NetworkPolicy can express is kept, to be named."""
    assert parse_source(text) == source


def test_an_inbound_address_inside_a_network_is_refused() -> None:
    """Which of the two is meant cannot be known."""
    with pytest.raises(BadEntry, match=r"write the network, 10\.0\.0\.0/8"):
        parse_source("10.0.0.1/8")


def test_a_network_is_taken_apart() -> None:
    """Each list in its order."""
    network = NetworkRules(
        outbound=Outbound(
            allow_host=(".a.example", "192.0.2.1"), allow_port=(443, 80), allow_private_host=("b",)
        )
    )
    assert outbound_rules(network) == OutboundRules(
        is_all=False,
        hosts=(HostName("a.example", has_subdomains=True), ip_network("192.0.2.1/32")),
        ports=(443, 80),
        private=(HostName("b"),),
    )
    assert outbound_rules(NetworkRules()) == OutboundRules()
    assert outbound_rules(NetworkRules(outbound=Outbound(insecure_allow_all=True))).is_all
