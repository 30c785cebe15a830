"""Mount declarations: the forms that existing profiles have, and what nothing can mount."""

import json
from typing import Any

import pytest

from mcpworkload.api.entries import BadEntry
from mcpworkload.api.mounts import (
    ClaimSource,
    ConfigMapSource,
    Declared,
    EmptyDirSource,
    HostPath,
    MountSource,
    SecretSource,
    mount_source,
    parse_mount,
)
from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.runtime import PermissionProfile, WorkloadInvalid
from tests.support.parsed import make_workload

GOOD = [
    ("/data", "/data", "/data"),
    ("/data/", "/data", "/data"),
    ("/data:/srv", "/data", "/srv"),
    ("/data/:/srv/", "/data", "/srv"),
    ("/a//b///c:/srv//d", "/a/b/c", "/srv/d"),
    ("/a/../b:/srv", "/b", "/srv"),
    ("/a/../../../b:/srv/../opt", "/b", "/opt"),
    ("with space/x:/srv", "with space/x", "/srv"),
    ("/chars!@#%+=,~:/srv", "/chars!@#%+=,~", "/srv"),
    ("/snow/☃:/srv/☃", "/snow/☃", "/srv/☃"),
    (f"/{'a' * 2000}:/srv", f"/{'a' * 2000}", "/srv"),
    ("D:\\a\\b:/srv", "D:\\a\\b", "/srv"),
    ("D:/a/b:/srv", "D:/a/b", "/srv"),
    ("D:\\a/b:/srv", "D:\\a/b", "/srv"),
    ("D:\\a\\b", "D:\\a\\b", "D:\\a\\b"),
    ("volume://cache:/srv", "volume://cache", "/srv"),
    ("volume://a/b:/srv", "volume://a/b", "/srv"),
    ("volume://D:\\a\\b:/srv", "volume://D:\\a\\b", "/srv"),
    ("volume://D:/a/b:/srv", "volume://D:/a/b", "/srv"),
    ("secret://token:/run/token", "secret://token", "/run/token"),
    ("emptydir://:/srv", "emptydir://", "/srv"),
    ("x+y.z-1://r:/srv", "x+y.z-1://r", "/srv"),
]


@pytest.mark.parametrize(("declaration", "source", "target"), GOOD)
def test_what_is_mounted_where(declaration: str, source: str, target: str) -> None:
    """With paths as short as they can be; the declaration itself stays as it was."""
    assert parse_mount(declaration) == Declared(source, target)
    assert PermissionProfile(read=[declaration]).read == (declaration,)


@pytest.mark.parametrize(
    "declaration",
    [
        "",
        " ",
        ":",
        ":/srv",
        "/data:",
        "/data:srv",
        "data",
        "/data:/",
        "/",
        "/data:/srv/..",
        "../data:/srv",
        "a/../../b:/srv",
        "/a:/b:/c",
        "/a:b:c:/srv",
        "/a:/b:ro",
        "/a:\\srv",
        "/a:/srv\\x",
        "/a:D:\\srv",
        "/a:D:/srv",
        "D:\\a:D:\\srv",
        "D:\\a:\\srv",
        "volume://",
        "volume://cache",
        "volume://:/srv",
        "volume://a:b:/srv",
        "volume://../x:/srv",
        "volume://a/../x:/srv",
        "volume://cache:srv",
        "volume://cache:D:\\srv",
        "volume://D:\\a:\\srv",
        "emptydir://",
        "emptydir://:/",
        "://x:/srv",
        "1x://r:/srv",
        "/some/://:/srv",
        "//data://srv",
        "/data/$(id):/srv",
        "/data/$HOME:/srv",
        "/data/`id`:/srv",
        "/data;id:/srv",
        "/data&:/srv",
        "/data|id:/srv",
        "/data:/srv;id",
        "volume://$(id):/srv",
        "/da\0ta:/srv",
        "/da\nta:/srv",
        "/data:/srv\t",
        "/data:/srv\x7f",
        "/data:/srv\x85",
        "/data:/srv\u2028",
    ],
)
def test_what_nothing_can_mount_is_refused(declaration: str) -> None:
    """Where the profile is read, not on the day on which something mounts it."""
    with pytest.raises(BadEntry):
        parse_mount(declaration)
    for field in ("read", "write"):
        with pytest.raises(WorkloadInvalid) as caught:
            PermissionProfile.from_json(json.dumps({field: ["/fine", declaration]}))
        assert caught.value.fields == (f"permission_profile.{field}[1]",)
        with pytest.raises(InvalidSpec, match=rf"^spec\.permissionProfile\.{field}\[1\]: found "):
            make_workload(permissionProfile={field: ["/fine", declaration]})


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("volume://cache", ClaimSource("cache")),
        ("VOLUME://cache", ClaimSource("cache")),
        ("configmap://a.b", ConfigMapSource("a.b")),
        ("secret://token", SecretSource("token")),
        ("emptydir://", EmptyDirSource()),
        ("emptydir://shared", EmptyDirSource("shared")),
        ("/data/x y", HostPath("/data/x y")),
    ],
)
def test_what_a_source_is_on_kubernetes(source: str, kind: MountSource) -> None:
    """Objects by their names, directories, and paths of the node."""
    assert mount_source(source) == kind


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        ("s3://bucket:/srv", "the scheme s3:// has no meaning on Kubernetes; write volume://"),
        ("file://a:/srv", "the scheme file:// has no meaning"),
        ("volume://a/b:/srv", "write the name of an object of this namespace"),
        ("volume://Cache:/srv", "write the name of an object of this namespace"),
        ("secret://D:/a:/srv", "write the name of an object of this namespace"),
        ("emptydir://a_b:/srv", "write the name of an object of this namespace"),
        ("D:\\a:/srv", "a path on a node begins with a slash"),
        ("D:\\a", "a path on a node begins with a slash"),
        ("a/b:/srv", "a path on a node begins with a slash"),
    ],
)
def test_what_docker_alone_can_mount_is_refused_where_it_would_be_mounted(
    declaration: str, words: str
) -> None:
    """The library reads such a profile, and deploys none."""
    profile = PermissionProfile(write=["/fine", declaration])
    for use in (profile.to_spec, profile.to_config):
        with pytest.raises(WorkloadInvalid) as refused:
            use()
        assert words in refused.value.message
        assert refused.value.fields == ("permission_profile.write[1]",)
    spec: dict[str, Any] = {"permissionProfile": {"write": ["/fine", declaration]}}
    with pytest.raises(InvalidSpec) as caught:
        make_workload(**spec)
    assert str(caught.value).startswith("spec.permissionProfile.write[1]: found ")
    assert words in str(caught.value)
