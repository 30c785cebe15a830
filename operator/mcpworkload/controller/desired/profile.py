"""
Build what a permission profile gives the server: volumes, mounts, and a security context.

The root file system stays read-only; what the profile lists is writable or not, as it says.
"""

import posixpath
from typing import Any, Final

from mcpworkload.api import names
from mcpworkload.api.mounts import (
    ClaimSource,
    ConfigMapSource,
    EmptyDirSource,
    HostPath,
    MountSource,
    SecretSource,
    mount_source,
)
from mcpworkload.api.permissions import Mount, Permissions
from mcpworkload.api.refusals import InvalidSpec, PolicyDenied
from mcpworkload.api.security_options import (
    AppArmor,
    Meaningless,
    NoNewPrivileges,
    Seccomp,
    SELinux,
    parse_security_option,
)
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.kube.manifest import Manifest

_PATH: Final = "spec.permissionProfile"


def check_profile(workload: Workload, permissions: Permissions | None, policy: Policy) -> None:
    """
    Return if the files that *permissions* list can be given to the server.

    Raises:
        InvalidSpec: an entry is to be written and cannot be, or its place has another mount.
        PolicyDenied: an entry is a path of the node that this installation does not allow.
    """
    if permissions is None:
        return
    spec = workload.spec
    taken = {_plain(str(mount.get("mountPath"))) for mount in spec.volume_mounts}
    for mount in permissions.mounts:
        where = f"{_PATH}.{'read' if mount.read_only else 'write'}: found {_declared(mount)!r}"
        source = mount_source(mount.source)
        if isinstance(source, ConfigMapSource | SecretSource) and not mount.read_only:
            raise InvalidSpec(f"{where}; list it under read: nobody can write to it")
        if isinstance(source, HostPath) and not policy.allows_host_path(source.path):
            raise PolicyDenied(f"{where}; {_instead_of_host_path(policy)}")
        if _plain(mount.target) in taken:
            raise InvalidSpec(f"{where}; take another path: spec.volumeMounts has {mount.target}")
    root = spec.security_context.get("readOnlyRootFilesystem", True)
    if root is not True and not permissions.privileged:
        raise InvalidSpec(
            f"spec.securityContext.readOnlyRootFilesystem: found {root}; leave it out: with a "
            "permission profile the server writes to /tmp and to what the profile lists"
        )


def build_profile_volumes(permissions: Permissions | None) -> list[Manifest]:
    """Return the volumes of what the profile lists, each once."""
    volumes = {}
    for mount, name in _named(permissions):
        volumes[name] = {"name": name, **_build_source(mount_source(mount.source))}
    return list(volumes.values())


def build_profile_mounts(permissions: Permissions | None) -> list[Manifest]:
    """Return the server's mounts of what the profile lists."""
    return [
        {
            "name": name,
            "mountPath": mount.target,
            **({"readOnly": True} if mount.read_only else {}),
        }
        for mount, name in _named(permissions)
    ]


def build_profile_security(permissions: Permissions | None) -> Manifest:
    """Return what the profile sets in the security context of the server's container."""
    if permissions is None:
        return {}
    context: Manifest = {}
    if permissions.privileged:
        context |= {"privileged": True, "readOnlyRootFilesystem": None}
    capabilities = {
        "add": list(permissions.cap_add),
        "drop": list(permissions.cap_drop),
    }
    if any(capabilities.values()):
        context["capabilities"] = {key: value for key, value in capabilities.items() if value}
    for text in permissions.security_opt:
        _lay_option(context, text)
    return context


def meaningless_options(permissions: Permissions | None) -> tuple[str, ...]:
    """Return the entries of securityOpt that no security context can express."""
    options = map(parse_security_option, permissions.security_opt) if permissions else ()
    return tuple(option.text for option in options if isinstance(option, Meaningless))


def uses_host_network(permissions: Permissions | None) -> bool:
    """Return whether the profile asks for the node's own network."""
    return permissions is not None and permissions.network_mode == "host"


def _lay_option(context: Manifest, text: str) -> None:
    """Add what the entry *text* of securityOpt stands for to *context*."""
    match parse_security_option(text):
        case Seccomp(kind, file):
            profile = {"localhostProfile": file} if file else {}
            context["seccompProfile"] = {"type": kind, **profile}
        case AppArmor(kind, name):
            profile = {"localhostProfile": name} if name else {}
            context["appArmorProfile"] = {"type": kind, **profile}
        case NoNewPrivileges(is_set):
            context["allowPrivilegeEscalation"] = not is_set
        case SELinux(field, value):
            context.setdefault("seLinuxOptions", {})[field] = value
        case Meaningless():
            pass  # the condition names it


def _named(permissions: Permissions | None) -> list[tuple[Mount, str]]:
    """Return each mount with the name of its volume: one volume for each source."""
    numbers: dict[Any, int] = {}
    named = []
    for mount in permissions.mounts if permissions else ():
        source = mount_source(mount.source)
        # Directories without a name are not shared.
        is_shared = source != EmptyDirSource()
        number = numbers.setdefault(source if is_shared else mount.target, len(numbers))
        named.append((mount, f"{names.PROFILE_VOLUME_PREFIX}{number}"))
    return named


def _build_source(source: MountSource) -> Manifest:
    match source:
        case ClaimSource(name):
            return {"persistentVolumeClaim": {"claimName": name}}
        case ConfigMapSource(name):
            return {"configMap": {"name": name}}
        case SecretSource(name):
            return {"secret": {"secretName": name}}
        case EmptyDirSource():
            return {"emptyDir": {}}
        case HostPath(path):
            return {"hostPath": {"path": path}}


def _instead_of_host_path(policy: Policy) -> str:
    allowed = ", ".join(policy.host_paths) or "none"
    return (
        "write volume://CLAIM:/target, configmap://, secret:// or emptydir://: it is a path of the "
        f"node, and this installation allows those below MCPWORKLOAD_HOST_PATHS alone ({allowed})"
    )


def _declared(mount: Mount) -> str:
    is_short = mount.source == mount.target
    return mount.source if is_short else f"{mount.source}:{mount.target}"


def _plain(path: str) -> str:
    return posixpath.normpath(f"/{path.lstrip('/')}")
