"""Permission profiles in a spec: which forms there are, what they resolve to, what is refused."""

import json
from typing import Any

import pytest

from mcpworkload.api.permissions import (
    ConfigMapKey,
    Mount,
    NetworkRules,
    Outbound,
    PermissionProfile,
    Permissions,
)
from mcpworkload.api.profiles import resolve_config, resolve_profile
from mcpworkload.api.refusals import InvalidSpec, ReferenceNotFound
from mcpworkload.api.status import WorkloadStatus
from tests.support import specs
from tests.support.parsed import make_workload

REFERENCE = PermissionProfile(config_map_key_ref=ConfigMapKey(name="profiles", key="a.json"))
WHERE = "spec.permissionProfile.configMapKeyRef (ConfigMap profiles, key a.json): "
ALLOW_ALL = Outbound(insecure_allow_all=True)


def profile_of(**fields: Any) -> PermissionProfile:
    """The profile of a spec, which is the only thing in it."""
    profile = make_workload(permissionProfile=fields).spec.permission_profile
    assert profile is not None
    return profile


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"builtin": "all"}, ".builtin: found \"all\"; write 'none' or 'network'"),
        ({"builtin": "none", "name": "a"}, ": found a mapping; write either builtin, or"),
        (
            {"builtin": "none", "configMapKeyRef": {"name": "a", "key": "b"}},
            ": found a mapping; write either builtin, or",
        ),
        (
            {"configMapKeyRef": {"name": "a", "key": "b"}, "privileged": False},
            ": found a mapping; write either builtin, or",
        ),
        ({"configMapKeyRef": {"name": "a"}}, ".configMapKeyRef.key: missing; write it"),
        ({"configMapKeyRef": {"name": "A", "key": "b"}}, '.configMapKeyRef.name: found "A"; write'),
        ({"configMapKeyRef": {"name": "a", "key": "b/c"}}, '.configMapKeyRef.key: found "b/c"'),
        ({"read": "/a"}, '.read: found "/a"; write a list'),
        ({"read": ["/a"] * 33}, ".read: found a list; write at most 32 entries"),
        (
            {"write": ["volume://a:/x", "/b", "volume://b:/x/"]},
            '.write: found "volume://b:/x/"; mount one source at a target, not several',
        ),
        ({"write": [f"/{'a' * 1024}"]}, "; write at most 1024 characters"),
        (
            {"network": {"mode": "backend"}},
            '.network.mode: found "backend"; write bridge, default or none, or leave mode out: a '
            "network of Docker has no meaning on Kubernetes",
        ),
        *(
            (
                {"network": {"mode": "none", "outbound": outbound}},
                ".network.outbound: found a mapping; leave outbound out, or mode: none",
            )
            for outbound in (
                {"insecureAllowAll": True},
                {"allowHost": ["a"]},
                {"allowPort": [443]},
                {"allowPrivateHost": ["a"]},
            )
        ),
        (
            {"network": {"outbound": {"insecureAllowAll": True, "allowPrivateHost": ["a.b"]}}},
            ".network.outbound.allowPrivateHost: found a list; write addresses or networks",
        ),
        (
            {"network": {"outbound": {"allowHost": ["a", "b:443"]}}},
            '.network.outbound.allowHost[1]: found "b:443"; an entry has no scheme, port',
        ),
        (
            {"network": {"outbound": {"allowHost": ["a"] * 65}}},
            ".network.outbound.allowHost: found a list; write at most 64 entries",
        ),
        (
            {"network": {"outbound": {"allowPort": [0]}}},
            ".network.outbound.allowPort[0]: found 0; write 1 or more",
        ),
        (
            {"network": {"outbound": {"allowPort": [65536]}}},
            ".network.outbound.allowPort[0]: found 65536; write 65535 or less",
        ),
        (
            {"network": {"inbound": {"allowHost": ["10.0.0.1/8"]}}},
            '.network.inbound.allowHost[0]: found "10.0.0.1/8"; it is an address inside',
        ),
        ({"capAdd": ["CAP_CHOWN"]}, '.capAdd[0]: found "CAP_CHOWN"; write the capability in'),
        ({"capDrop": ["all"]}, '.capDrop[0]: found "all"; write the capability in capitals'),
        ({"capDrop": ["A"] * 33}, ".capDrop: found a list; write at most 32 entries"),
        ({"securityOpt": ["a"] * 17}, ".securityOpt: found a list; write at most 16 entries"),
        ({"privileged": "yes"}, '.privileged: found "yes"; write true or false'),
    ],
)
def test_a_wrong_profile_is_refused_with_what_to_write(
    fields: dict[str, Any], message: str
) -> None:
    """By the path of the entry."""
    with pytest.raises(InvalidSpec) as caught:
        profile_of(**fields)
    assert f"spec.permissionProfile{message}" in f"{caught.value}" or (
        message.startswith(";") and message in str(caught.value)
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"network": {"mode": "none"}},
        {"network": {"mode": "none", "outbound": {"allowHost": [], "insecureAllowAll": False}}},
        {"network": {"mode": "host"}},
        {"network": {"mode": "", "outbound": {"insecureAllowAll": True}}},
        {
            "network": {
                "outbound": {
                    "insecureAllowAll": True,
                    "allowPrivateHost": ["10.0.0.0/8", "192.0.2.1", "2001:DB8::/32"],
                }
            }
        },
    ],
)
def test_what_only_looks_contradictory_is_accepted(fields: dict[str, Any]) -> None:
    """An empty list rules nothing."""
    assert resolve_profile(profile_of(**fields), None) == profile_of(**fields)


def test_builtins_are_spelled_out() -> None:
    """No profile is the builtin that allows nothing, and so is an empty one but for its name."""
    none = PermissionProfile(name="none")
    network = PermissionProfile(name="network", network=NetworkRules(outbound=ALLOW_ALL))

    assert resolve_profile(None, None) == none
    assert resolve_profile(profile_of(builtin="none"), None) == none
    assert resolve_profile(profile_of(builtin="network"), None) == network
    assert resolve_profile(profile_of(), None) == PermissionProfile()


def test_a_config_map_has_toolhives_json() -> None:
    """In its spelling or in ours; what Go writes for an empty list is none."""
    expected = PermissionProfile(
        name="a", network=NetworkRules(outbound=Outbound(allow_host=("b.example",)))
    )
    for key in ("allow_host", "allowHost"):
        text = json.dumps(
            {"name": "a", "read": None, "network": {"outbound": {key: ["b.example"]}}}
        )
        assert resolve_profile(REFERENCE, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found no JSON (Expecting value"),
        ("{", "found no JSON ("),
        ("[" * 100_000, "found no JSON (it is nested too deep); write a profile as JSON"),
        ('{"read": [], "read": ["/a"]}', "found no JSON (the key 'read' occurs twice)"),
        ("[]", "found an empty list; write an object"),
        ('{"networks": {}}', "networks: no such field; there are name, read, write, network"),
        ('{"builtin": "none"}', "builtin: no such field"),
        ('{"config_map_key_ref": {}}', "config_map_key_ref: no such field"),
        ('{"network": []}', "network: found an empty list; write an object"),
        ('{"network": {"outbound": {"allow": 1}}}', "network.outbound.allow: no such field"),
        (
            '{"network": {"outbound": {"allow_host": [], "allowHost": []}}}',
            "network.outbound.allow_host: it occurs twice, as allow_host and allowHost",
        ),
        (
            '{"network": {"outbound": {"allow_host": ["a", "b", "c d"]}}}',
            'network.outbound.allow_host[2]: found "c d"; an entry has no spaces',
        ),
        (
            '{"network": {"outbound": {"allowHost": ["c d"]}}}',
            'network.outbound.allowHost[0]: found "c d"; an entry has no spaces',
        ),
        (
            '{"network": {"outbound": {"insecure_allow_all": true, "allow_private_host": ["a"]}}}',
            "network.outbound.allow_private_host: found a list; write addresses or networks",
        ),
        ('{"read": ["s3://a:/b"]}', 'read[0]: found "s3://a:/b"; the scheme s3://'),
        ('{"privileged": 1}', "privileged: found 1; write true or false"),
        ('{"network": {"outbound": {"allow_port": [443.0]}}}', "allow_port[0]: found 443.0; write"),
        ('{"name": "\\ud800"}', "surrogate pair"),
    ],
)
def test_what_is_no_profile_in_a_config_map_is_named(text: str, message: str) -> None:
    """By ConfigMap, key, and the path in its JSON, as it is spelled there."""
    with pytest.raises(InvalidSpec) as caught:
        resolve_profile(REFERENCE, text)
    assert str(caught.value).startswith(WHERE)
    assert message in str(caught.value)


def test_a_missing_key_is_waited_for() -> None:
    """Its arrival is an event."""
    with pytest.raises(ReferenceNotFound, match=r"\(ConfigMap profiles, key a\.json\): missing"):
        resolve_profile(REFERENCE, None)


def test_the_rights_are_spelled_out() -> None:
    """What is read and written is written; ALL stands first, once."""
    profile = profile_of(
        read=["configmap://a:/a", "volume://b:/b/"],
        write=["emptydir://:/a"],
        network={"mode": "bridge"},
        capAdd=["CHOWN"],
        capDrop=["KILL", "ALL"],
        securityOpt=["label=disable"],
    )
    config = resolve_config(profile)

    assert config == Permissions(
        mounts=(
            Mount(source="emptydir://", target="/a"),
            Mount(source="volume://b", target="/b", read_only=True),
        ),
        network_mode="bridge",
        cap_drop=("ALL", "KILL"),
        cap_add=("CHOWN",),
        security_opt=("label=disable",),
    )
    assert config.to_api() == {
        "mounts": [
            {"source": "emptydir://", "target": "/a", "readOnly": False},
            {"source": "volume://b", "target": "/b", "readOnly": True},
        ],
        "networkMode": "bridge",
        "capDrop": ["ALL", "KILL"],
        "capAdd": ["CHOWN"],
        "securityOpt": ["label=disable"],
        "privileged": False,
    }
    assert resolve_config(profile_of(privileged=True)).cap_drop == ()


def test_the_status_has_them() -> None:
    """In the same form; without a profile there are none."""
    config = resolve_config(profile_of(**specs.PERMISSIONS["permissionProfile"]))
    status = WorkloadStatus(permissions=config).to_api()

    assert status["permissions"] == config.to_api()
    assert WorkloadStatus.model_validate(status).permissions == config
    assert "permissions" not in WorkloadStatus().to_api()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"initContainers": [{"name": "mcpw-gate", "image": "a"}]},
            "spec.initContainers: found a list; give the container another name",
        ),
        (
            {"volumes": [{"name": "mcpw-profile-0", "emptyDir": {}}]},
            "spec.volumes: found a list; give the volume another name",
        ),
        (
            {
                "volumeClaimTemplates": [
                    {
                        **specs.STORAGE["volumeClaimTemplates"][0],
                        "metadata": {"name": "mcpw-profile-a"},
                    }
                ]
            },
            "spec.volumeClaimTemplates: found a list; give the claim another name",
        ),
    ],
)
def test_names_of_the_operators_are_not_taken(spec: dict[str, Any], message: str) -> None:
    """What it adds for a profile never meets one of the user's."""
    with pytest.raises(InvalidSpec) as caught:
        make_workload(**spec)
    assert message in str(caught.value)
