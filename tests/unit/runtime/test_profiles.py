"""ToolHive's permission profiles, from its JSON to the form that they have in a spec."""

import json
from typing import Any

import pytest

from mcpworkload.runtime import PermissionProfile, WorkloadInvalid

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
    ],
)
def test_what_is_not_understood_is_refused(data: Any, field: str) -> None:
    """A rule that is ignored would protect nobody."""
    with pytest.raises(WorkloadInvalid) as caught:
        PermissionProfile.from_json(json.dumps(data))

    assert caught.value.fields[0].endswith(field)
