"""
The entries of a profile's securityOpt, as Docker writes them, taken apart.

Pure. Docker takes a colon or an equals sign after the option's name, and so does this grammar.
"""

import re
from dataclasses import dataclass
from typing import Literal

ProfileType = Literal["Unconfined", "RuntimeDefault", "Localhost"]
SELinuxField = Literal["user", "role", "type", "level"]


@dataclass(frozen=True)
class Seccomp:
    """A seccomp profile; *file* is a path below the kubelet's folder, for Localhost only."""

    type: ProfileType
    file: str = ""


@dataclass(frozen=True)
class AppArmor:
    """An AppArmor profile; *profile* is one that the node has loaded, for Localhost only."""

    type: ProfileType
    profile: str = ""


@dataclass(frozen=True)
class NoNewPrivileges:
    """Whether programs are kept from gaining rights that their parent has not."""

    is_set: bool


@dataclass(frozen=True)
class SELinux:
    """One field of the container's SELinux label."""

    field: SELinuxField
    value: str


@dataclass(frozen=True)
class Meaningless:
    """An entry that no security context can express, as it was written."""

    text: str


SecurityOption = Seccomp | AppArmor | NoNewPrivileges | SELinux | Meaningless

_ENTRY = re.compile(r"(?P<name>[a-z-]+)(?:[:=](?P<value>.+))?")
_NAMED: dict[str, ProfileType] = {
    "unconfined": "Unconfined",
    "runtime/default": "RuntimeDefault",
}
_LOCALHOST = "localhost/"
_FILE = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_APPARMOR = re.compile(r"[A-Za-z0-9._/@-]+")
_LABEL = re.compile(r"(?P<field>user|role|type|level):(?P<value>[A-Za-z0-9_.,:-]+)")
_SELINUX: dict[str, SELinuxField] = {
    "user": "user",
    "role": "role",
    "type": "type",
    "level": "level",
}
_SWITCH = {None: True, "true": True, "false": False}


def parse_security_option(text: str) -> SecurityOption:
    """Return what *text* stands for; `Meaningless` where Kubernetes has nothing like it."""
    found = _ENTRY.fullmatch(text)
    if found is None:
        return Meaningless(text)
    value = found["value"]
    option: SecurityOption | None = None
    match found["name"]:
        case "seccomp":
            option = _seccomp(value or "")
        case "apparmor":
            option = _apparmor(value or "")
        case "no-new-privileges" if value in _SWITCH:
            option = NoNewPrivileges(_SWITCH[value])
        case "label":
            option = _selinux(value or "")
    return option or Meaningless(text)


def _seccomp(value: str) -> Seccomp | None:
    if value in _NAMED:
        return Seccomp(_NAMED[value])
    file = value.removeprefix(_LOCALHOST)
    if file == value or not _FILE.fullmatch(file) or ".." in file.split("/"):
        return None
    return Seccomp("Localhost", file)


def _apparmor(value: str) -> AppArmor | None:
    if value in _NAMED:
        return AppArmor(_NAMED[value])
    profile = value.removeprefix(_LOCALHOST)
    return AppArmor("Localhost", profile) if _APPARMOR.fullmatch(profile) else None


def _selinux(value: str) -> SELinux | None:
    found = _LABEL.fullmatch(value)
    return SELinux(_SELINUX[found["field"]], found["value"]) if found else None
