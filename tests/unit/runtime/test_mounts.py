"""Mount declarations: the forms that existing profiles have, and what nothing can mount."""

import json

import pytest

from mcpworkload.runtime import Mount, PermissionProfile, WorkloadInvalid
from mcpworkload.runtime.mounts import mount_of

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
    ("x+y.z-1://r:/srv", "x+y.z-1://r", "/srv"),
]


@pytest.mark.parametrize(("declaration", "source", "target"), GOOD)
def test_what_is_mounted_where(declaration: str, source: str, target: str) -> None:
    """With paths as short as they can be; the declaration itself stays as it was."""
    assert mount_of(declaration, read_only=True) == Mount(source, target, read_only=True)
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
    with pytest.raises(WorkloadInvalid):
        mount_of(declaration)
    for field in ("read", "write"):
        with pytest.raises(WorkloadInvalid) as caught:
            PermissionProfile.from_json(json.dumps({field: ["/fine", declaration]}))
        assert caught.value.fields == (f"permission_profile.{field}[1]",)


def test_what_a_profile_stands_for() -> None:
    """Whoever may write may read; without privileges no capability is left."""
    config = PermissionProfile(read=["/a", "/b:/c"], write=["/d:/a"]).to_config()

    assert config.mounts == (Mount("/d", "/a"), Mount("/b", "/c", read_only=True))
    assert {mount.type for mount in config.mounts} == {"bind"}
    assert (config.cap_drop, config.privileged) == (("ALL",), False)
    assert PermissionProfile(privileged=True).to_config().privileged
