"""The configuration of an egress proxy."""

import re
from ipaddress import IPv4Network, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hack.images.catalog import by_name
from mcpworkload.api.egress_log import REASONS
from mcpworkload.api.entries import BadEntry
from mcpworkload.api.hosts import HostName, OutboundRules, parse_host
from mcpworkload.controller.desired.addresses import PRIVATE_NETWORKS, merge
from mcpworkload.controller.desired.squid import build_squid_conf
from tests.support.outbound import RULES


def values(conf: str, acl: str) -> list[str]:
    """The values of *acl*, whose definition may go over several lines."""
    return re.findall(rf"^acl {re.escape(acl)} (?:\S+ )(?:-n )?(.*)$", conf, re.MULTILINE)


def access(conf: str) -> list[str]:
    """Return the rules of *conf*, in order."""
    return re.findall(r"^http_access (.*)$", conf, re.MULTILINE)


def test_hosts_and_ports() -> None:
    """Hosts and ports."""
    rules = OutboundRules(
        hosts=(HostName("example.com"), HostName("example.org", True), IPv4Network("10.1.0.0/16")),
        ports=(443, 80),
        private=(HostName("db.example.org"),),
    )
    conf = build_squid_conf(rules)
    assert access(conf) == [
        "deny manager why_scheme",
        "deny !tunnel !web why_scheme",
        "deny !ports why_port",
        "deny !listed why_host",
        "deny link_local why_link-local",
        "allow addresses",
        "deny !resolved why_unresolved",
        "allow private_names",
        "deny private why_private",
        "allow listed",
        "deny all",
    ]
    assert values(conf, "names") == ["example.com", ".example.org"]
    assert values(conf, "addresses") == ["10.1.0.0/16"]
    assert values(conf, "listed") == ["names addresses"]
    assert values(conf, "ports") == ["80", "443"]
    assert values(conf, "private_names") == ["db.example.org"]
    assert values(conf, "private") == [str(network) for network in merge(PRIVATE_NETWORKS)]


def test_ports_alone_let_every_public_host_through() -> None:
    """Ports alone let every public host through."""
    conf = build_squid_conf(OutboundRules(ports=(443,)))
    assert access(conf)[2:] == [
        "deny !ports why_port",
        "deny link_local why_link-local",
        "deny !resolved why_unresolved",
        "deny private why_private",
        "allow ports",
        "deny all",
    ]


def test_a_private_network_that_is_listed_is_taken_out_of_what_is_denied() -> None:
    """A private network that is listed is taken out of what is denied."""
    rules = OutboundRules(hosts=(HostName("a.b"),), private=(IPv4Network("10.0.0.0/8"),))
    left = [str(network) for network in merge(PRIVATE_NETWORKS) if str(network) != "10.0.0.0/8"]
    assert values(build_squid_conf(rules), "private") == left


def test_link_local_addresses_stay_denied_whatever_is_listed() -> None:
    """Link local addresses stay denied whatever is listed."""
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    conf = build_squid_conf(OutboundRules(hosts=everything, ports=(80,), private=everything))
    assert "169.254.0.0/16" in values(conf, "private")
    assert access(conf).index("deny link_local why_link-local") < access(conf).index(
        "allow addresses"
    )


def test_names_that_another_covers_are_left_out() -> None:
    """Names that another covers are left out."""
    covering = HostName("example.com", True)
    hosts = (HostName("a.example.com"), HostName("b.example.com", True), covering)
    conf = build_squid_conf(OutboundRules(hosts=(*hosts, HostName("example.com"))))
    assert values(conf, "names") == [".example.com"]


@pytest.mark.parametrize("rules", [OutboundRules(), OutboundRules(is_all=True, ports=(80,))])
def test_rules_that_need_no_proxy_are_refused(rules: OutboundRules) -> None:
    """Rules that need no proxy are refused."""
    with pytest.raises(ValueError, match="need no proxy"):
        build_squid_conf(rules)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "a\nhttp_access allow all",
        "a.com\\",
        '"/etc/passwd"',
        "-i",
        ".a",
        "a.",
        "A",
        "ä",
        "a" * 254,
        "a\x00",
        "a#b",
        "a/b",
        "*.a",
        "a.com\n",
    ],
)
def test_what_is_no_name_never_reaches_the_file(name: str) -> None:
    """What is no name never reaches the file."""
    with pytest.raises(ValueError, match="host name"):
        build_squid_conf(OutboundRules(hosts=(HostName(name),)))


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_never_reaches_the_file(port: int) -> None:
    """What is no port never reaches the file."""
    with pytest.raises(ValueError, match="no port"):
        build_squid_conf(OutboundRules(ports=(port,)))


@given(RULES)
def test_any_rules_are_read_back_as_they_were(rules: OutboundRules) -> None:
    """Any rules are read back as they were."""
    conf = build_squid_conf(rules)
    names = {(value.removeprefix("."), value.startswith(".")) for value in values(conf, "names")}
    wanted = {
        (host.name, host.has_subdomains) for host in rules.hosts if isinstance(host, HostName)
    }
    assert names <= wanted
    for name, has_subdomains in wanted - names:
        above = {".".join(name.split(".")[at:]) for at in range(name.count(".") + 1)}
        if has_subdomains:
            above.discard(name)
        assert any((other, True) in names for other in above)
    listed = merge(ip_network(value) for value in values(conf, "addresses"))
    assert listed == merge(host for host in rules.hosts if not isinstance(host, HostName))
    assert {int(value) for value in values(conf, "ports")} == set(rules.ports)
    assert access(conf)[-1] == "deny all"


@given(RULES)
def test_nothing_of_a_file_is_longer_than_squid_reads(rules: OutboundRules) -> None:
    """Nothing of a file is longer than squid reads."""
    assert max(map(len, build_squid_conf(rules).splitlines())) < 2048


#: Pieces that entries are made of, and that squid or a shell would read otherwise.
PIECES = st.sampled_from(
    [
        "a",
        "example",
        "com",
        ".",
        "*",
        "*.",
        "-",
        "_",
        "-n",
        "0",
        "10",
        "255",
        "/",
        "/8",
        ":",
        "::",
        "ffff",
        "0x",
        " ",
        "\n",
        "\t",
        "\r",
        "#",
        '"',
        "\\",
        "%",
        "@",
        "[",
        "]",
        "!",
        "é",
        "\x00",
    ]
)
ENTRIES = st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=12)


@given(ENTRIES)
@example("a.com\nhttp_access allow all")
@example('"/etc/passwd"')
@example("*.Example.COM.")
@example("10.0.0.0/8")
def test_no_text_of_an_entry_becomes_another_rule(text: str) -> None:
    """An entry is refused, or the file differs from another's by the entry's own line alone."""
    try:
        host = parse_host(text)
    except BadEntry:
        return
    other = HostName("compare.invalid")
    plain = build_squid_conf(OutboundRules(hosts=(other,))).splitlines()
    added = build_squid_conf(OutboundRules(hosts=(other, host))).splitlines()
    found = [line for line in added if line not in plain]
    if isinstance(host, HostName):
        spelled = text.lower().removesuffix(".").removeprefix("*")
        assert found == [f"acl names dstdomain -n {spelled}"]
    else:
        networks = [line.removeprefix("acl addresses dst -n ") for line in found[:-2]]
        assert merge(map(ip_network, networks)) == merge([ip_network(text)])
        assert found[-2:] == [
            "acl listed any-of names addresses",
            "http_access allow addresses",
        ]


def test_each_reason_has_its_page_and_its_words() -> None:
    """Each reason has its page and its words."""
    conf = build_squid_conf(OutboundRules(hosts=(HostName("a.b"),), ports=(80,)))
    pages = {path.name for path in by_name("egress").files() if path.parent.name == "pages"}
    assert set(re.findall(r"^deny_info (\S+) ", conf, re.MULTILINE)) == pages
    assert set(re.findall(r"annotate_transaction why=(\S+)", conf)) == set(REASONS)
