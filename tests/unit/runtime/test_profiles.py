"""ToolHive's permission profiles, from its JSON to the form that they have in a spec."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.runtime import (
    InboundRules,
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
    assert PermissionProfile.none().to_spec() == {"name": "none"}
    assert PermissionProfile.with_network().to_spec() == {
        "name": "network",
        "network": {"outbound": {"insecureAllowAll": True}},
    }
    assert PermissionProfile.from_json("{}") == PermissionProfile()


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
    ],
)
def test_what_is_not_understood_is_refused(data: Any, field: str) -> None:
    """A rule that is ignored would protect nobody."""
    with pytest.raises(WorkloadInvalid) as caught:
        PermissionProfile.from_json(json.dumps(data))

    assert caught.value.fields[0].endswith(field)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
HOSTS = st.lists(TEXTS.filter(str.strip), max_size=3)
MOUNTS = st.lists(st.sampled_from(["/a", "/a:/b", "volume://c:/d", "D:\\e:/f"]), max_size=3)
PROFILES = st.builds(
    PermissionProfile,
    name=TEXTS,
    read=MOUNTS,
    write=MOUNTS,
    network=st.builds(
        NetworkRules,
        mode=TEXTS,
        outbound=st.builds(
            OutboundRules,
            insecure_allow_all=st.booleans(),
            allow_host=HOSTS,
            allow_port=st.lists(st.integers(1, 65535), max_size=3),
        ),
        inbound=st.builds(InboundRules, allow_host=HOSTS),
    ),
    privileged=st.booleans(),
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
