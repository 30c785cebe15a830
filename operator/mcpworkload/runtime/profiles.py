"""
Permission profiles: what a server may read, write and reach.

The JSON format is ToolHive's, so that existing profiles can be used as they are.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any, ClassVar, Final, Self, cast

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from mcpworkload.api import permissions
from mcpworkload.api.documents import INLINE_SHAPE, BadDocument, Shape, checked_fields
from mcpworkload.api.entries import BadEntry
from mcpworkload.api.hosts import parse_host, parse_source
from mcpworkload.api.mounts import parse_mount
from mcpworkload.api.problems import describe, paths
from mcpworkload.api.profiles import resolve_config, resolve_profile
from mcpworkload.runtime import arguments
from mcpworkload.runtime.arguments import Check, Checked, refused, wrong
from mcpworkload.runtime.documents import parse_json, parse_yaml
from mcpworkload.runtime.errors import WorkloadInvalid
from mcpworkload.runtime.types import Mount, PermissionConfig

_WHERE = "permission_profile"


def _entry(read: Callable[[str], object]) -> Check:
    """Return the check for a text that *read* understands."""

    def check(value: Any, where: str) -> str:
        entry = arguments.filled(value, where)
        try:
            read(entry)
        except BadEntry as error:
            raise wrong(where, repr(entry[:80]), str(error)) from None
        return entry

    return check


_MOUNTS = arguments.each(_entry(parse_mount))
_HOSTS = arguments.each(_entry(parse_host))
_SOURCES = arguments.each(_entry(parse_source))


@dataclass(frozen=True)
class OutboundRules(Checked):
    """
    Hosts and ports that the server may connect to; both must match when both are given.

    `allow_private_host` is not ToolHive's: names that may resolve to private addresses, and
    private addresses themselves.
    """

    insecure_allow_all: bool = False
    allow_host: Sequence[str] = ()
    allow_port: Sequence[int] = ()
    allow_private_host: Sequence[str] = ()

    CHECKS: ClassVar[Mapping[str, Check]] = {
        "insecure_allow_all": arguments.flag,
        "allow_host": _HOSTS,
        "allow_port": arguments.each(arguments.port),
        "allow_private_host": _HOSTS,
    }


@dataclass(frozen=True)
class InboundRules(Checked):
    """Hosts that may connect to the server."""

    allow_host: Sequence[str] = ()

    CHECKS: ClassVar[Mapping[str, Check]] = {"allow_host": _SOURCES}


@dataclass(frozen=True)
class NetworkRules(Checked):
    """The network part of a profile."""

    mode: str = ""
    outbound: OutboundRules = field(default_factory=OutboundRules)
    inbound: InboundRules = field(default_factory=InboundRules)

    CHECKS: ClassVar[Mapping[str, Check]] = {
        "mode": arguments.text,
        "outbound": arguments.instance(OutboundRules),
        "inbound": arguments.instance(InboundRules),
    }


@dataclass(frozen=True)
class ConfigMapKey(Checked):
    """A key of a ConfigMap in the workload's namespace."""

    name: str
    key: str

    CHECKS: ClassVar[Mapping[str, Check]] = {"name": arguments.filled, "key": arguments.filled}


@dataclass(frozen=True)
class PermissionProfile(Checked):
    """
    What a server may read, write and reach; nothing but its own image by default.

    `read` and `write` are mount declarations: `path`, `host:container`, `scheme://resource:path`.
    `cap_add`, `cap_drop` and `security_opt` are not ToolHive's. With `config_map_key_ref`, the
    profile is what that key holds, and no other field is given.

    Raises:
        WorkloadInvalid: a field is of a wrong type, an entry has none of the forms that there are,
            or fields stand beside the ConfigMap.
    """

    name: str = ""
    read: Sequence[str] = ()
    write: Sequence[str] = ()
    network: NetworkRules = field(default_factory=NetworkRules)
    privileged: bool = False
    cap_add: Sequence[str] = ()
    cap_drop: Sequence[str] = ()
    security_opt: Sequence[str] = ()
    config_map_key_ref: ConfigMapKey | None = None

    CHECKS: ClassVar[Mapping[str, Check]] = {
        "name": arguments.text,
        "read": _MOUNTS,
        "write": _MOUNTS,
        "network": arguments.instance(NetworkRules),
        "privileged": arguments.flag,
        "cap_add": arguments.words,
        "cap_drop": arguments.words,
        "security_opt": arguments.words,
        "config_map_key_ref": arguments.optional(arguments.instance(ConfigMapKey)),
    }

    def __post_init__(self) -> None:
        """
        Check each field, and that only one form is chosen.

        Raises:
            WorkloadInvalid: a field is refused.
        """
        super().__post_init__()
        if self.config_map_key_ref is not None and len(_written(self, str)) > 1:
            raise refused(
                "config_map_key_ref", "leave the other fields out: the ConfigMap has them"
            )

    @classmethod
    def none(cls) -> Self:
        """Return the builtin that allows nothing."""
        return cls(name="none")

    @classmethod
    def with_network(cls) -> Self:
        """Return the builtin `network`: every connection outwards, nothing else."""
        outbound = OutboundRules(insecure_allow_all=True)
        return cls(name="network", network=NetworkRules(outbound=outbound))

    @classmethod
    def from_builtin(cls, name: str) -> Self:
        """
        Return the builtin of that name, `none` or `network`.

        Raises:
            WorkloadInvalid: there is no such builtin.
        """
        arguments.one_of("none", "network")(name, "name")
        return cls.none() if name == "none" else cls.with_network()

    @classmethod
    def from_config_map(cls, name: str, key: str) -> Self:
        """
        Return the profile that the key *key* of the ConfigMap *name* holds, as JSON.

        The operator reads it, and follows its changes.

        Raises:
            WorkloadInvalid: one of them is no text, or empty.
        """
        return cls(config_map_key_ref=ConfigMapKey(name, key))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """
        Return a profile from ToolHive's JSON, or from that of `to_json` and of an MCPWorkload.

        Raises:
            WorkloadInvalid: the text is no JSON object, or a field is unknown, occurs twice or
                holds what no profile can.
        """
        return cls._from_data(parse_json(text))

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """
        As `from_json`, from YAML.

        Raises:
            WorkloadInvalid: as `from_json`.
        """
        return cls._from_data(parse_yaml(text))

    @classmethod
    def _from_data(cls, data: Any) -> Self:
        try:
            fields = checked_fields(data, _SHAPE)
        except BadDocument as error:
            where = f"{_WHERE}.{error.path}" if error.path else _WHERE
            raise refused(where, str(error)) from None
        if (builtin := fields.pop("builtin", None)) is None:
            return cast("Self", _read(cls, fields, _WHERE))
        if fields:
            raise refused(f"{_WHERE}.builtin", "leave the other fields out, or builtin")
        arguments.one_of("none", "network")(builtin, f"{_WHERE}.builtin")
        return cls.from_builtin(builtin)

    def to_json(self) -> str:
        """Return the profile as ToolHive writes it, and as `from_json` reads it back."""
        return json.dumps(_written(self, str), indent=2)

    def to_spec(self) -> dict[str, Any]:
        """
        Return the profile as it stands in an MCPWorkload: camelCase, without empty fields.

        Raises:
            WorkloadInvalid: something in it has no meaning on Kubernetes, such as the scheme of a
                mount or a network of Docker.
        """
        self._to_model()
        for builtin in ("none", "network"):
            if self == self.from_builtin(builtin):
                return {"builtin": builtin}
        return _written(self, to_camel)

    def to_config(self) -> PermissionConfig:
        """
        Return the mounts, network mode, capabilities and options that the profile stands for.

        What is both read and written is written. No capability is left but to the privileged, and
        those that are added.

        Raises:
            WorkloadInvalid: as `to_spec`; or a ConfigMap has the profile.
        """
        model = self._to_model()
        if self.config_map_key_ref is not None:
            raise refused(
                f"{_WHERE}.config_map_key_ref",
                "a ConfigMap has the profile: read it, and pass its text to from_json",
            )
        config = resolve_config(resolve_profile(model, None))
        return PermissionConfig(
            mounts=[Mount(one.source, one.target, one.read_only) for one in config.mounts],
            network_mode=config.network_mode,
            cap_drop=config.cap_drop,
            cap_add=config.cap_add,
            security_opt=config.security_opt,
            privileged=config.privileged,
        )

    def _to_model(self) -> permissions.PermissionProfile:
        try:
            return permissions.PermissionProfile.model_validate(_written(self, str))
        except ValidationError as error:
            raise WorkloadInvalid(
                describe(error, permissions.PermissionProfile, _WHERE),
                reason="Invalid",
                fields=paths(error, _WHERE),
            ) from None


_SHAPE: Final[Shape] = {
    **INLINE_SHAPE,
    "builtin": None,
    "config_map_key_ref": {"name": None, "key": None},
}
#: The fields that have fields of their own.
_PARTS: Final[Mapping[str, type[Checked]]] = {
    "network": NetworkRules,
    "outbound": OutboundRules,
    "inbound": InboundRules,
    "config_map_key_ref": ConfigMapKey,
}


def _read(kind: type[Checked], fields: Mapping[str, Any], where: str) -> Checked:
    values: dict[str, Any] = {}
    for key, check in kind.CHECKS.items():
        for spelling in {key, to_camel(key)} & fields.keys():
            value, path = fields[spelling], f"{where}.{spelling}"
            part = _PARTS.get(key)
            values[key] = _read(part, value, path) if part else check(value, path)
    for one in dataclasses.fields(kind):  # type: ignore[arg-type]
        is_needed = one.default is MISSING and one.default_factory is MISSING
        if is_needed and one.name not in values:
            raise refused(f"{where}.{one.name}", "missing; write it")
    return kind(**values)


def _written(value: Checked, spell: Callable[[str], str]) -> dict[str, Any]:
    found = {key: getattr(value, key) for key in value.CHECKS}
    return {
        spell(key): plain
        for key, item in found.items()
        if (plain := _written(item, spell) if isinstance(item, Checked) else _listed(item))
    }


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
