"""Docker's security options: what each becomes, and which have no meaning."""

import pytest

from mcpworkload.api.security_options import (
    AppArmor,
    Meaningless,
    NoNewPrivileges,
    Seccomp,
    SecurityOption,
    SELinux,
    parse_security_option,
)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("seccomp=unconfined", Seccomp("Unconfined")),
        ("seccomp:unconfined", Seccomp("Unconfined")),
        ("seccomp=runtime/default", Seccomp("RuntimeDefault")),
        ("seccomp=localhost/profiles/a.json", Seccomp("Localhost", "profiles/a.json")),
        ("apparmor=unconfined", AppArmor("Unconfined")),
        ("apparmor=runtime/default", AppArmor("RuntimeDefault")),
        ("apparmor=docker-default", AppArmor("Localhost", "docker-default")),
        ("apparmor:localhost/mine", AppArmor("Localhost", "mine")),
        ("no-new-privileges", NoNewPrivileges(is_set=True)),
        ("no-new-privileges:true", NoNewPrivileges(is_set=True)),
        ("no-new-privileges=true", NoNewPrivileges(is_set=True)),
        ("no-new-privileges:false", NoNewPrivileges(is_set=False)),
        ("no-new-privileges=false", NoNewPrivileges(is_set=False)),
        ("label=user:system_u", SELinux("user", "system_u")),
        ("label=role:system_r", SELinux("role", "system_r")),
        ("label:type:svirt_t", SELinux("type", "svirt_t")),
        ("label=level:s0:c100,c200", SELinux("level", "s0:c100,c200")),
    ],
)
def test_what_an_option_becomes(text: str, option: SecurityOption) -> None:
    """With a colon or an equals sign."""
    assert parse_security_option(text) == option


@pytest.mark.parametrize(
    "text",
    [
        "",
        "seccomp",
        "seccomp=",
        "seccomp=/etc/profile.json",
        'seccomp={"defaultAction": "SCMP_ACT_ALLOW"}',
        "seccomp=localhost/",
        "seccomp=localhost//etc/passwd",
        "seccomp=localhost/../x",
        "seccomp=localhost/a/../x",
        "Seccomp=unconfined",
        "apparmor",
        "apparmor=",
        "apparmor=a b",
        "no-new-privileges=yes",
        "no-new-privileges:",
        "label=disable",
        "label:disable",
        "label=filetype:x",
        "label=type:",
        "label=type:a b",
        "systempaths=unconfined",
        "writable-cgroups=true",
        "seccomp=unconfined\nx",
        "unconfined",
    ],
)
def test_what_has_no_meaning_is_kept_to_be_named(text: str) -> None:
    """As it was written."""
    assert parse_security_option(text) == Meaningless(text)
