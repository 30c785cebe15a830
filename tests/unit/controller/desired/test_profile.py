"""What a permission profile gives the server, and what it cannot."""

from typing import Any

import pytest

from mcpworkload.api.refusals import InvalidSpec, PolicyDenied, ReferenceNotFound
from mcpworkload.controller.desired import Policy, Surroundings, build_draft
from mcpworkload.controller.references import Absence
from mcpworkload.controller.settings import PodSecurity
from tests.support.parsed import make_workload

WIDE = Policy(pod_security=PodSecurity.PRIVILEGED, host_paths=("/srv/data",))
REFERENCE = {"permissionProfile": {"configMapKeyRef": {"name": "profiles", "key": "weather"}}}


def build(policy: Policy = Policy(), **profile: Any) -> Any:  # noqa: B008 - frozen
    """The pod of a workload with that profile."""
    workload = make_workload(permissionProfile=profile)
    return build_draft(workload, policy).template["spec"]


def test_each_source_becomes_one_volume() -> None:
    """What is read and what is written of a claim are two mounts of it."""
    pod = build(
        read=["volume://maps:/maps", "secret://key:/key"],
        write=["volume://maps:/new", "emptydir://:/a", "emptydir://:/b"],
    )

    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts["/maps"]["name"] == mounts["/new"]["name"]
    assert mounts["/a"]["name"] != mounts["/b"]["name"]
    assert mounts["/maps"]["readOnly"] is True
    assert "readOnly" not in mounts["/new"]
    assert volumes[mounts["/key"]["name"]]["secret"] == {"secretName": "key"}
    assert mounts["/tmp"]["name"] == "tmp"
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_privileges_become_a_security_context() -> None:
    """Each option of Docker that Kubernetes has."""
    pod = build(
        WIDE,
        capAdd=["NET_BIND_SERVICE"],
        securityOpt=[
            "seccomp=unconfined",
            "apparmor=mine",
            "no-new-privileges:false",
            "label=type:spc_t",
            "label=disable",
        ],
    )

    context = pod["containers"][0]["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    assert context["seccompProfile"] == {"type": "Unconfined"}
    assert context["appArmorProfile"] == {"type": "Localhost", "localhostProfile": "mine"}
    assert context["allowPrivilegeEscalation"] is True
    assert context["seLinuxOptions"] == {"type": "spc_t"}


def test_a_privileged_server_has_no_bounds() -> None:
    """Where the installation allows it."""
    context = build(WIDE, privileged=True)["containers"][0]["securityContext"]

    assert context["privileged"] is True
    assert not context.get("readOnlyRootFilesystem")


@pytest.mark.parametrize(
    "profile",
    [
        {"privileged": True},
        {"capAdd": ["SYS_ADMIN"]},
        {"securityOpt": ["seccomp=unconfined"]},
        {"securityOpt": ["apparmor=unconfined"]},
        {"network": {"mode": "host"}},
        {"read": ["/etc/shadow"]},
    ],
)
def test_what_the_installation_forbids_is_denied(profile: dict[str, Any]) -> None:
    """Before any pod exists."""
    with pytest.raises(PolicyDenied):
        build(**profile)


def test_paths_of_nodes_are_mounted_below_the_allowed_ones() -> None:
    """And nowhere else, whatever the level of Pod Security."""
    policy = Policy(pod_security=PodSecurity.BASELINE, host_paths=("/srv/data",))
    pod = build(policy, read=["/srv/data/maps:/maps"])

    assert {"name": "mcpw-profile-0", "hostPath": {"path": "/srv/data/maps"}} in pod["volumes"]
    for path in ("/srv/database:/x", "/srv/data/../x:/x", "/:/x"):
        with pytest.raises(PolicyDenied, match=r"permissionProfile\.read"):
            build(WIDE, read=[path])


def test_the_level_of_the_namespace_bounds_the_profile() -> None:
    """The pods would be refused there."""
    workload = make_workload(permissionProfile={"capAdd": ["CHOWN"]})

    build_draft(workload, Policy())
    with pytest.raises(PolicyDenied, match="CHOWN"):
        build_draft(workload, Policy(), Surroundings(pod_security=PodSecurity.RESTRICTED))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"permissionProfile": {"write": ["configmap://a:/a"]}}, "list it under read"),
        (
            {
                "permissionProfile": {"read": ["secret://a:/data"]},
                "volumes": [{"name": "d", "emptyDir": {}}],
                "volumeMounts": [{"name": "d", "mountPath": "/data/"}],
            },
            "spec.volumeMounts",
        ),
        (
            {
                "permissionProfile": {"builtin": "none"},
                "securityContext": {"readOnlyRootFilesystem": False},
            },
            "spec.securityContext.readOnlyRootFilesystem",
        ),
    ],
)
def test_contradictions_are_refused(spec: dict[str, Any], said: str) -> None:
    """With the field, and what would be right."""
    with pytest.raises(InvalidSpec, match=said):
        build_draft(make_workload(**spec))


def test_a_profile_is_read_from_a_config_map() -> None:
    """As ToolHive writes it."""
    text = '{"read": ["secret://key:/key"], "network": {"outbound": {"allow_host": ["a.example"]}}}'
    draft = build_draft(make_workload(**REFERENCE), Policy(), Surroundings(text))

    permissions = draft.grants.permissions
    assert permissions is not None
    assert [mount.target for mount in permissions.mounts] == ["/key"]


@pytest.mark.parametrize("profile", [Absence.MISSING, Absence.UNREADABLE])
def test_a_missing_config_map_is_named(profile: Absence) -> None:
    """Its arrival is an event."""
    with pytest.raises(ReferenceNotFound, match="profiles"):
        build_draft(make_workload(**REFERENCE), Policy(), Surroundings(profile))
