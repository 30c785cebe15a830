"""What a permission profile stands for: builtins spelled out, a ConfigMap's key read."""

from typing import Final

from pydantic import ValidationError

from mcpworkload.api.documents import INLINE_SHAPE, BadDocument, checked_fields, parse_json
from mcpworkload.api.mounts import parse_mount
from mcpworkload.api.permissions import (
    Builtin,
    ConfigMapKey,
    Mount,
    NetworkRules,
    Outbound,
    PermissionProfile,
    Permissions,
)
from mcpworkload.api.problems import describe
from mcpworkload.api.refusals import InvalidSpec, ReferenceNotFound

BUILTINS: Final[dict[Builtin, PermissionProfile]] = {
    "none": PermissionProfile(name="none"),
    "network": PermissionProfile(
        name="network", network=NetworkRules(outbound=Outbound(insecure_allow_all=True))
    ),
}


def resolve_profile(profile: PermissionProfile | None, text: str | None) -> PermissionProfile:
    """
    Return *profile* with fields of its own only; without one, the builtin `none`.

    *text* is the value of the ConfigMap's key that the profile names; None where it names none,
    or the key is missing.

    Raises:
        InvalidSpec: *text* is no profile; the message names the ConfigMap and the entry.
        ReferenceNotFound: the key is missing.
    """
    if profile is None:
        return BUILTINS["none"]
    if profile.builtin is not None:
        return BUILTINS[profile.builtin]
    if profile.config_map_key_ref is None:
        return profile
    return _read(profile.config_map_key_ref, text)


def resolve_config(profile: PermissionProfile) -> Permissions:
    """
    Return the rights that *profile*, a resolved one, stands for.

    What is both read and written is written. No capability is left but to the privileged, and
    those that are added.
    """
    mounts: dict[str, Mount] = {}
    for declarations, is_read_only in ((profile.read, True), (profile.write, False)):
        for declaration in declarations:
            found = parse_mount(declaration)
            mounts[found.target] = Mount(
                source=found.source, target=found.target, read_only=is_read_only
            )
    return Permissions(
        mounts=tuple(mounts.values()),
        network_mode=profile.network.mode,
        cap_drop=_dropped(profile),
        cap_add=profile.cap_add,
        security_opt=profile.security_opt,
        privileged=profile.privileged,
    )


def _dropped(profile: PermissionProfile) -> tuple[str, ...]:
    if profile.privileged:
        return profile.cap_drop
    return ("ALL", *(name for name in profile.cap_drop if name != "ALL"))


def _read(reference: ConfigMapKey, text: str | None) -> PermissionProfile:
    where = (
        f"spec.permissionProfile.configMapKeyRef (ConfigMap {reference.name}, key {reference.key})"
    )
    if text is None:
        raise ReferenceNotFound(f"{where}: missing; make the ConfigMap with a profile in that key")
    try:
        data = checked_fields(parse_json(text), INLINE_SHAPE)
    except BadDocument as error:
        path = f"{error.path}: " if error.path else ""
        raise InvalidSpec(f"{where}: {path}{error}") from None
    except ValueError as error:
        raise InvalidSpec(f"{where}: found no JSON ({error}); write a profile as JSON") from None
    try:
        return PermissionProfile.model_validate(data)
    except ValidationError as error:
        raise InvalidSpec(f"{where}: {describe(error, PermissionProfile, '')}") from error
