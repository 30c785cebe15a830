"""ToolHive's permission profiles, from its JSON to the form that they have in a spec."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.runtime import (
    ConfigMapKey,
    InboundRules,
    Mount,
    NetworkRules,
    OutboundRules,
    PermissionProfile,
    WorkloadInvalid,
)

FULL = {
    "name": "weather",
    "read": ["/data:/data"],
    "write": ["volume://cache:/cache"],
    "network": {
        "mode": "bridge",
        "outbound": {
            "insecure_allow_all": True,
            "allow_host": [".example.com"],
            "allow_port": [443],
        },
        "inbound": {"allow_host": ["10.0.0.0/8"]},
    },
    "privileged": True,
}


def test_every_field_is_taken_over() -> None:
    """Only the spelling changes."""
    assert PermissionProfile.from_json(json.dumps(FULL)).to_spec() == {
        "name": "weather",
        "read": ["/data:/data"],
        "write": ["volume://cache:/cache"],
        "network": {
            "mode": "bridge",
            "outbound": {
                "insecureAllowAll": True,
                "allowHost": [".example.com"],
                "allowPort": [443],
            },
            "inbound": {"allowHost": ["10.0.0.0/8"]},
        },
        "privileged": True,
    }


def test_the_builtins_are_toolhives() -> None:
    """Nothing, and everything outwards."""
    assert json.loads(PermissionProfile.none().to_json()) == {"name": "none"}
    assert json.loads(PermissionProfile.with_network().to_json()) == {
        "name": "network",
        "network": {"outbound": {"insecure_allow_all": True}},
    }
    assert PermissionProfile.from_json("{}") == PermissionProfile()


def test_a_builtin_has_a_name_of_its_own_in_a_spec() -> None:
    """It is read back from there, and resolves to what the library's is."""
    for name, profile in (
        ("none", PermissionProfile.none()),
        ("network", PermissionProfile.with_network()),
    ):
        assert profile.to_spec() == {"builtin": name}
        assert PermissionProfile.from_builtin(name) == profile
        assert PermissionProfile.from_json(f'{{"builtin": "{name}"}}') == profile
        assert PermissionProfile.from_json(profile.to_json()) == profile
    with pytest.raises(WorkloadInvalid, match="write none or network"):
        PermissionProfile.from_builtin("all")


def test_a_config_map_is_named_and_not_read() -> None:
    """Only the operator knows what it holds."""
    profile = PermissionProfile.from_config_map("profiles", "weather.json")

    spec = {"configMapKeyRef": {"name": "profiles", "key": "weather.json"}}
    assert profile.to_spec() == spec
    assert PermissionProfile.from_json(json.dumps(spec)) == profile
    assert PermissionProfile.from_json(profile.to_json()) == profile
    with pytest.raises(WorkloadInvalid, match="pass its text to from_json"):
        profile.to_config()
    with pytest.raises(WorkloadInvalid, match="leave the other fields out"):
        PermissionProfile(name="a", config_map_key_ref=ConfigMapKey("profiles", "key"))
    with pytest.raises(WorkloadInvalid) as caught:
        PermissionProfile.from_config_map("My profiles", "key").to_spec()
    assert caught.value.fields == ("permission_profile.config_map_key_ref.name",)


def test_what_goes_beyond_toolhive_is_written_only_where_it_is_given() -> None:
    """Its reader would refuse what it does not know."""
    more = {
        "network": {"outbound": {"allow_private_host": ["db"]}},
        "cap_add": ["CHOWN"],
        "cap_drop": ["KILL"],
        "security_opt": ["label=disable"],
    }
    profile = PermissionProfile.from_json(json.dumps(more))

    assert json.loads(profile.to_json()) == more
    config = profile.to_config()
    assert (config.cap_drop, config.cap_add) == (("ALL", "KILL"), ("CHOWN",))
    assert config.security_opt == ("label=disable",)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"network": {"mode": "backend"}}, "network.mode"),
        ({"network": {"mode": "none", "outbound": {"allow_port": [1]}}}, "network.outbound"),
        (
            {"network": {"outbound": {"insecure_allow_all": True, "allow_private_host": ["a"]}}},
            "network.outbound.allow_private_host",
        ),
        ({"cap_add": ["CAP_CHOWN"]}, "cap_add[0]"),
        ({"read": ["/a", "s3://b:/c"]}, "read[1]"),
        ({"network": {"outbound": {"allow_host": ["a"] * 65}}}, "network.outbound.allow_host"),
    ],
)
def test_what_has_no_meaning_on_kubernetes_is_read_and_not_deployed(data: Any, field: str) -> None:
    """ToolHive's documents allow some of it, for Docker."""
    profile = PermissionProfile.from_json(json.dumps(data))

    for use in (profile.to_spec, profile.to_config):
        with pytest.raises(WorkloadInvalid) as caught:
            use()
        assert caught.value.fields == (f"permission_profile.{field}",)
        assert str(caught.value).startswith(f"permission_profile.{field}: found ")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], "permission_profile"),
        ({"networks": {}}, "permission_profile.networks"),
        ({"read": "/data"}, "permission_profile.read"),
        ({"read": [1]}, "permission_profile.read[0]"),
        ({"privileged": "no"}, "permission_profile.privileged"),
        ({"network": {"outbound": {"allow_port": [True]}}}, "network.outbound.allow_port[0]"),
        ({"network": {"inbound": {"allow_port": [1]}}}, "network.inbound.allow_port"),
        ({"network": {"outbound": {"allow_port": [0]}}}, "network.outbound.allow_port[0]"),
        ({"network": {"outbound": {"allow_port": [65536]}}}, "network.outbound.allow_port[0]"),
        ({"network": {"outbound": {"allow_host": [""]}}}, "network.outbound.allow_host[0]"),
        ({"network": {"outbound": {"allow_host": [], "allowHost": []}}}, "outbound.allow_host"),
        ({"write": ["/a", "/a:/b:/c"]}, "permission_profile.write[1]"),
        ({"network": {"outbound": {"allow_host": ["a", "b:1"]}}}, "outbound.allow_host[1]"),
        ({"network": {"outbound": {"allowHost": ["b c"]}}}, "outbound.allowHost[0]"),
        ({"network": {"outbound": {"allow_private_host": ["*"]}}}, "allow_private_host[0]"),
        ({"network": {"inbound": {"allow_host": ["10.0.0.1/8"]}}}, "inbound.allow_host[0]"),
        ({"builtin": "all"}, "permission_profile.builtin"),
        ({"builtin": "none", "read": []}, "permission_profile.builtin"),
        ({"config_map_key_ref": {"name": "a"}}, "permission_profile.config_map_key_ref.key"),
    ],
)
def test_what_is_not_understood_is_refused(data: Any, field: str) -> None:
    """A rule that is ignored would protect nobody."""
    with pytest.raises(WorkloadInvalid) as caught:
        PermissionProfile.from_json(json.dumps(data))

    assert caught.value.fields[0].endswith(field)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
HOSTS = st.lists(st.sampled_from(["a.example", ".b", "*.C.", "10.0.0.0/8", "::1"]), max_size=3)
SOURCES = st.lists(st.sampled_from(["front/agent", "a b", "10.0.0.0/8", "é", "x\n"]), max_size=3)
MOUNTS = st.lists(st.sampled_from(["/a", "/a:/b", "volume://c:/d"]), max_size=3)
PROFILES = st.builds(
    PermissionProfile,
    name=TEXTS,
    read=MOUNTS,
    write=MOUNTS,
    network=st.builds(
        NetworkRules,
        mode=st.sampled_from(["", "bridge", "default", "host"]),
        outbound=st.builds(
            OutboundRules,
            insecure_allow_all=st.booleans(),
            allow_host=HOSTS,
            allow_port=st.lists(st.integers(1, 65535), max_size=3),
        ),
        inbound=st.builds(InboundRules, allow_host=SOURCES),
    ),
    privileged=st.booleans(),
    cap_add=st.lists(st.sampled_from(["CHOWN", "ALL"]), max_size=3),
    security_opt=st.lists(TEXTS.filter(bool), max_size=3),
)


@given(profile=PROFILES)
def test_what_is_written_is_read_back(profile: PermissionProfile) -> None:
    """As ToolHive spells it, as an MCPWorkload does, and as YAML."""
    spec = profile.to_spec()
    assert PermissionProfile.from_json(profile.to_json()) == profile
    assert PermissionProfile.from_json(json.dumps(spec)) == profile
    assert PermissionProfile.from_yaml(yaml.safe_dump(spec)) == profile
    assert PermissionProfile.from_yaml(yaml.safe_dump(json.loads(profile.to_json()))) == profile


def test_it_is_written_as_toolhive_has_it() -> None:
    """Field by field."""
    assert json.loads(PermissionProfile.from_json(json.dumps(FULL)).to_json()) == FULL


@pytest.mark.parametrize("text", ['{"read": [], "read": ["/a"]}', "read: []\nread: [/a]\n"])
def test_a_rule_that_stands_there_twice_is_refused(text: str) -> None:
    """One of the two would be ignored."""
    read = PermissionProfile.from_json if text[0] == "{" else PermissionProfile.from_yaml
    with pytest.raises(WorkloadInvalid, match="twice"):
        read(text)


def test_what_a_profile_stands_for() -> None:
    """Whoever may write may read; without privileges no capability is left."""
    config = PermissionProfile(read=["/a", "/b:/c"], write=["/d:/a"]).to_config()

    assert config.mounts == (Mount("/d", "/a"), Mount("/b", "/c", read_only=True))
    assert {mount.type for mount in config.mounts} == {"bind"}
    assert (config.cap_drop, config.privileged) == (("ALL",), False)
    privileged = PermissionProfile(privileged=True, cap_drop=["KILL"]).to_config()
    assert (privileged.cap_drop, privileged.privileged) == (("KILL",), True)
