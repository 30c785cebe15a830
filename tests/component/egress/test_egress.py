"""The egress proxy as the image has it, with the operator's configuration, and real requests."""

import os
import random
from ipaddress import ip_network
from pathlib import Path

import pytest

from mcpworkload.api.egress_log import Denial, describe, parse_denial
from mcpworkload.api.hosts import Host, HostName, OutboundRules
from mcpworkload.controller.desired.squid import build_squid_conf
from tests.support.egress import World, connect, find_image, get, missing, run_world
from tests.support.image_files import unpack
from tests.support.outbound import random_rules

pytestmark = [pytest.mark.skipif(bool(missing()), reason=missing()), pytest.mark.timeout(120)]

PUBLIC, SECOND, PRIVATE, LINK_LOCAL = "198.51.100.10", "203.0.113.7", "10.0.0.5", "169.254.169.254"
ZONE = {
    "example.com": [[PUBLIC]],
    "example.org": [[PUBLIC]],
    "a.example.org": [[SECOND, "2001:db8::7"]],
    "private.example.org": [[PRIVATE]],
    "both.example.org": [[PUBLIC, PRIVATE]],
    "six.example.org": [["2001:db8::7", "fd00::5"]],
    "mapped.example.org": [["::ffff:10.0.0.5"]],
    "linklocal.example.org": [[LINK_LOCAL]],
    "linklocal6.example.org": [["fe80::1"]],
    "nat64.example.org": [["64:ff9b::a9fe:a9fe"]],
    "here.example.org": [["127.0.0.1"]],
    "zero.example.org": [["0.0.0.0"], ["::"]],  # noqa: S104 - an answer
    "sub.example.com": [[PUBLIC]],
    "evil.example": [[SECOND]],
}
FUZZ_PROFILES = int(os.environ.get("FUZZ_PROFILES", "200"))
FUZZ_SEED = int(os.environ.get("FUZZ_SEED", "12"))
BATCH = 500


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the image's files."""
    image = find_image()
    assert image is not None
    folder = tmp_path_factory.mktemp("egress")
    unpack(image, folder)
    return folder


def hosts(*texts: str) -> tuple[Host, ...]:
    """Return *texts* as hosts; a name with a dot before it has subdomains."""
    return tuple(
        ip_network(text)
        if text[0].isdigit() or ":" in text
        else HostName(text.removeprefix("."), text.startswith("."))
        for text in texts
    )


def ask(root: Path, rules: OutboundRules, *requests: str) -> World:
    """Return what happens to *requests* under *rules*."""
    conf = build_squid_conf(rules)
    return World(run_world(root, conf=conf, zone=ZONE, requests=requests))


LISTED = OutboundRules(
    hosts=hosts("example.com", ".example.org", "10.1.0.0/16", "2001:db8::/32", LINK_LOCAL),
    ports=(80, 443),
    private=hosts("db.example.org", "10.2.3.0/24"),
)
#: What the proxy is asked for, and where that leads: an address, or the reason of the denial.
CASES = {
    "http://example.com/": PUBLIC,
    "http://EXAMPLE.com./": PUBLIC,
    "http://sub.example.com/": "host",
    "http://example.org/": PUBLIC,
    "http://notexample.org/": "host",
    "http://private.example.org/": "private",
    "http://both.example.org/": "private",
    "http://six.example.org/": "private",
    "http://mapped.example.org/": "private",
    "http://linklocal.example.org/": "link-local",
    "http://linklocal6.example.org/": "link-local",
    "http://nat64.example.org/": "link-local",
    "http://here.example.org/": "private",
    "http://nowhere.example.org/": "unresolved",
    "http://10.1.0.1/": "10.1.0.1",
    "http://10.0.0.5/": "host",
    "http://0x0a000005/": "host",
    "http://167772165/": "host",
    "http://012.0.0.5/": "host",
    "http://[::ffff:10.0.0.5]/": "host",
    "http://[2001:db8::10]/": "2001:db8::10",
    "http://[2001:db9::10]/": "host",
    "http://10.2.3.4/": "host",
    f"http://{LINK_LOCAL}/": "link-local",
    "http://2852039166/": "link-local",
    "http://0.0.0.0/": "host",
    "http://[::]/": "host",
    "http://example.com:8080/": "port",
    "http://user:secret@example.com/": PUBLIC,
    "http://example.com@evil.example/": "host",
    "http://evil.example#@example.com/": "host",
    "http://example.com%2eevil.example/": "host",
    "ftp://example.com/": "scheme",
    "https://example.com/": "scheme",
    "cache_object://example.com/info": "scheme",
    "http://example.com/squid-internal-mgr/info": "scheme",
    "http://127.0.0.1:3128/squid-internal-mgr/info": "scheme",
    "/squid-internal-mgr/info": "scheme",
    "CONNECT example.com:443": PUBLIC,
    "CONNECT example.com.:443": PUBLIC,
    "CONNECT example.com:22": "port",
    "CONNECT evil.example:443": "host",
    "CONNECT both.example.org:443": "private",
    "CONNECT [2001:db8::10]:443": "2001:db8::10",
    "CONNECT [::ffff:10.0.0.5]:443": "host",
}


def test_what_passes_and_what_does_not(root: Path) -> None:
    """Each request reaches where it may, or is denied for the reason in the log."""
    requests = [
        connect(case.split()[1]) if case.startswith("CONNECT") else get(case) for case in CASES
    ]
    world = ask(root, LISTED, *requests)
    denials = [parse_denial(line) for line in world.log]
    reasons = iter(denial.why for denial in denials if denial)
    found = {
        case: reached or (next(reasons) if status == 403 else str(status))
        for case, (status, reached) in zip(CASES, world.answers, strict=True)
    }
    assert found == CASES
    assert next(reasons, "") == ""
    assert None not in denials
    # No name is looked up that is not listed, nor a listed one for a port that is not.
    assert "evil.example" not in world.asked
    assert "sub.example.com" not in world.asked


def test_requests_that_are_none(root: Path) -> None:
    """Ports and addresses that cannot be are refused, whatever is listed."""
    texts = ["urn:example.com:80", "http://example.com:0/", "http://example.com:65536/"]
    world = ask(root, LISTED, *map(get, texts), "GET\r\n\r\n")
    assert [status for status, _ in world.answers][:3] == [400, 400, 400]
    assert not any(reached for _, reached in world.answers)


def test_ports_alone(root: Path) -> None:
    """Every public host is reached on these ports, private ones where they are listed."""
    rules = OutboundRules(ports=(80,), private=hosts("10.2.3.0/24", "private.example.org"))
    places = ["evil.example", PUBLIC, "10.2.3.4", "private.example.org", "a.example.org"]
    refused = ["both.example.org", PRIVATE, "0.0.0.0", "[::]", "[::1]", "[fe80::1]", LINK_LOCAL]  # noqa: S104 - asked for
    refused += ["zero.example.org", "linklocal.example.org", "2130706433", "[::ffff:127.0.0.1]"]
    world = ask(root, rules, *(get(f"http://{place}/") for place in (*places, *refused)))
    reached = [address for _, address in world.answers]
    assert reached[:4] == [SECOND, PUBLIC, "10.2.3.4", PRIVATE]
    assert reached[4] in (SECOND, "2001:db8::7")
    assert not any(reached[5:])
    assert [status for status, _ in world.answers][5:] == [403] * len(refused)


def test_all_addresses_of_one_version_are_not_those_of_the_other(root: Path) -> None:
    """A network of all IPv4 addresses lists no IPv6 address, and the other way round."""
    requests = [get("http://203.0.113.7/"), get("http://[2001:db8::7]/")]
    four = ask(root, OutboundRules(hosts=hosts("0.0.0.0/0")), *requests)
    six = ask(root, OutboundRules(hosts=hosts("::/0")), *requests)
    assert four.answers == [(200, SECOND), (403, "")]
    assert six.answers == [(403, ""), (200, "2001:db8::7")]


def test_private_names(root: Path) -> None:
    """A name that may be private may be at any private address, but at no link-local one."""
    names = ("private.example.org", "both.example.org", "linklocal.example.org")
    rules = OutboundRules(hosts=hosts(*names), private=hosts(".example.org"))
    world = ask(root, rules, *(get(f"http://{name}/") for name in names))
    reached = [address for _, address in world.answers]
    assert reached[0] == PRIVATE
    assert reached[1] in (PUBLIC, PRIVATE)
    assert world.answers[2] == (403, "")


def test_what_a_name_changes_to_is_never_reached(root: Path) -> None:
    """A name that answers otherwise each time is dialled at the address that was judged."""
    conf = build_squid_conf(OutboundRules(hosts=hosts("rebind.example")))
    # Answers are forgotten at once, as far as squid does that.
    conf = conf.replace("negative_dns_ttl 10 seconds", "negative_dns_ttl 1 second")
    zone = {"rebind.example": [[PUBLIC], [PRIVATE]]}
    requests = [get("http://rebind.example/"), connect("rebind.example:443")]
    world = run_world(root, conf=conf, zone=zone, hammer=requests, seconds=8)
    assert world["hammered"] == [PUBLIC, "403"]
    assert len(world["asked"]) > 8


def test_what_servers_and_clients_see(root: Path) -> None:
    """Servers learn nothing of the proxy or its client, clients the rule that denied them."""
    named = get("http://example.com/").replace("\r\n\r\n", "\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n")
    world = ask(root, LISTED, named, get("http://evil.example/"))
    passed, denied = world.bodies
    for word in ("Via", "Forwarded", "10.9.9.9", "squid", "mcpworkload"):
        assert word.lower() not in passed.lower()
    assert "mcpworkload refused" in denied
    assert "network.outbound.allowHost" in denied


def test_the_log(root: Path) -> None:
    """Its lines are denials; what passes and what only connects leaves none."""
    requests = (get("http://example.com/"), connect("evil.example:443"), "")
    world = ask(root, LISTED, *requests[:2])
    (line,) = world.log
    denial = parse_denial(line)
    assert isinstance(denial, Denial)
    assert (denial.method, denial.host, denial.port) == ("CONNECT", "evil.example", 443)
    assert (denial.status, denial.client) == (403, "127.0.0.1")
    said = describe(denial).partition(" ")[2]
    assert said == "CONNECT evil.example:443 denied: not in network.outbound.allowHost"
    words = ("FATAL", "ERROR", "WARNING", "ALERT")
    complaints = [
        line for line in world.result["errors"].splitlines() if any(word in line for word in words)
    ]
    # `via off`, which squid says of itself at each start.
    assert all("HTTP requires the use of Via" in line for line in complaints), complaints
    assert world.result["ended"] == 0


def test_words_of_clients_stay_words(root: Path) -> None:
    """A method or a host with quotes breaks no line of the log."""
    requests = [
        'G"E"T http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n',
        get('http://ev"il,"why":1/'),
    ]
    world = ask(root, LISTED, *requests)
    assert all(parse_denial(line) for line in world.log)
    assert not any(reached for _, reached in world.answers)


@pytest.mark.timeout(1800)
def test_squid_accepts_the_configuration_of_any_profile(root: Path) -> None:
    """Squid finds nothing wrong with the configuration of FUZZ_PROFILES profiles."""
    chance = random.Random(FUZZ_SEED)  # noqa: S311 - not a secret
    for begin in range(0, FUZZ_PROFILES, BATCH):
        count = min(BATCH, FUZZ_PROFILES - begin)
        confs = [build_squid_conf(random_rules(chance)) for _ in range(count)]
        said = run_world(root, timeout=600, parse=confs)
        assert [text for text in said if text] == []


def test_squid_does_find_what_is_wrong(root: Path) -> None:
    """A broken configuration, and one with overlapping names, would be found."""
    good = build_squid_conf(LISTED)
    overlapping = good + "acl names dstdomain -n deep.example.org\n"
    said = run_world(root, parse=[good, good + "acl what is this\n", overlapping])
    assert said[0] == ""
    assert "FATAL" in said[1]
    assert said[2] != ""
