"""A permission profile in sentences: no entry is left out, and none is more than it allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.api.hosts import HostName, parse_host, parse_source
from mcpworkload.api.permissions import PermissionProfile
from mcpworkload.cli.network_words import NOT_REQUESTED
from mcpworkload.cli.permission_words import explain

NAMES = st.from_regex(r"[a-z]{1,8}(\.[a-z]{2,8}){1,2}", fullmatch=True)
HOSTS = st.one_of(
    NAMES,
    NAMES.map(lambda name: f".{name}"),
    NAMES.map(lambda name: f"*.{name.upper()}"),
    st.ip_addresses(v=4, network="192.0.2.0/24").map(str),
    st.sampled_from(["10.0.0.0/8", "2001:db8::/32", "203.0.113.0/24"]),
)
ADDRESSES = st.sampled_from(["10.20.0.0/16", "192.168.1.1", "2001:db8:1::/48"])
SOURCES = st.one_of(
    st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True),
    st.sampled_from(["10.1.0.0/16", "192.0.2.9", "agents.example.com", "2001:db8::1"]),
)
MOUNTS = st.from_regex(
    r"(volume|configmap|secret|emptydir)://[a-z]{1,8}:/[a-z]{1,8}", fullmatch=True
)
OPTIONS = st.sampled_from(
    [
        *("seccomp=unconfined", "seccomp=localhost/a.json", "apparmor=runtime/default"),
        *("no-new-privileges", "no-new-privileges=false", "label=user:u", "label=disable", "x"),
    ]
)


def lists(of: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """A few of them."""
    return st.lists(of, max_size=4, unique=True)


# A target has one source in each list.
MOUNT_LISTS = st.lists(MOUNTS, max_size=4, unique_by=lambda text: text.rpartition(":")[2])


@st.composite
def profiles(draw: st.DrawFn) -> PermissionProfile:
    """Profiles with everything that one can list."""
    outbound = {
        "allowHost": draw(lists(HOSTS)),
        "allowPort": draw(st.lists(st.integers(1, 65535), max_size=3, unique=True)),
    }
    if draw(st.booleans()):
        outbound |= {"insecureAllowAll": True, "allowPrivateHost": draw(lists(ADDRESSES))}
    else:
        outbound |= {"allowPrivateHost": draw(lists(HOSTS))}
    return PermissionProfile.model_validate(
        {
            "read": draw(MOUNT_LISTS),
            "write": draw(MOUNT_LISTS),
            "network": {
                "outbound": outbound,
                "inbound": {"allowHost": draw(lists(SOURCES))},
            },
            "privileged": draw(st.booleans()),
            "capAdd": draw(lists(st.sampled_from(["NET_ADMIN", "SYS_PTRACE"]))),
            "capDrop": draw(lists(st.sampled_from(["CHOWN", "KILL"]))),
            "securityOpt": draw(lists(OPTIONS)),
        }
    )


def words_of(entry: str) -> str:
    """What has to be read of an outbound entry."""
    host = parse_host(entry)
    if isinstance(host, HostName):
        return f"{host.name} with every name below it" if host.has_subdomains else host.name
    return str(host.network_address)


@given(profiles(), st.booleans())
def test_every_entry_is_in_a_sentence(profile: PermissionProfile, is_isolated: bool) -> None:
    """Whether it has effect or not: what is not allowed is at least named."""
    explanation = explain(profile, is_isolated)
    text = "\n".join([*explanation.allows, *explanation.limits])

    outbound = profile.network.outbound
    for entry in (*outbound.allow_host, *outbound.allow_private_host):
        assert words_of(entry) in text, entry
    for port in outbound.allow_port:
        assert str(port) in text
    for entry in profile.network.inbound.allow_host:
        source = parse_source(entry)
        network = getattr(source, "network_address", None)
        assert (entry if network is None else str(network)) in text, entry
    for entry in (*profile.read, *profile.write):
        assert entry.rpartition(":")[2] in text
    for entry in (*profile.cap_add, *profile.cap_drop, *profile.security_opt):
        assert entry in text


@given(profiles())
def test_what_is_not_isolated_is_not_said_to_be(profile: PermissionProfile) -> None:
    """Each sentence about rules says that they would hold only then."""
    explanation = explain(profile, is_isolated=False)

    assert explanation.allows[0].startswith("The network is not isolated")
    about_rules = [line for line in explanation.allows if "may connect" in line][1:]
    assert all(line.startswith("If isolated: ") for line in about_rules)


@given(profiles())
def test_an_entry_that_no_policy_expresses_is_no_permission(profile: PermissionProfile) -> None:
    """It is among the limits, with what to write."""
    explanation = explain(profile, is_isolated=True)

    if "agents.example.com" in profile.network.inbound.allow_host:
        assert not any("agents.example.com" in line for line in explanation.allows)
        assert any(
            line.startswith("inbound.allowHost agents.example.com: ") for line in explanation.limits
        )


@pytest.mark.parametrize(
    ("outbound", "sentence"),
    [
        ({}, "The server may connect nowhere. Nothing leaves the pods, DNS included."),
        (
            {"allowHost": [".example.com"], "allowPort": [443]},
            "The server may connect to example.com with every name below it, on port 443, through "
            "the egress proxy. Nothing else leaves the pods, DNS included.",
        ),
        (
            {"allowPort": [80, 443]},
            "The server may connect to every host with a public address, on ports 80 and 443, "
            "through the egress proxy. Nothing else leaves the pods, DNS included.",
        ),
        (
            {"insecureAllowAll": True},
            "The server may connect to every public address, on every port and without a proxy, "
            "and may ask the cluster's DNS.",
        ),
    ],
)
def test_where_a_server_may_connect_to(outbound: dict[str, object], sentence: str) -> None:
    """The first sentence of each kind of profile."""
    profile = PermissionProfile.model_validate({"network": {"outbound": outbound}})

    assert explain(profile, is_isolated=True).allows[0] == sentence


def test_a_profile_without_rules_has_none_to_miss() -> None:
    """Nobody is warned that files have no effect on the network."""
    profile = PermissionProfile.model_validate({"read": ["configmap://a:/b"]})

    assert NOT_REQUESTED not in explain(profile, is_isolated=False).allows
