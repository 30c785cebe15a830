"""
Permission profiles: what a server may read, write and reach.

The JSON format is ToolHive's, so that existing profiles can be used as they are.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self, cast

from mcpworkload.runtime import arguments
from mcpworkload.runtime.arguments import Check, Checked
from mcpworkload.runtime.documents import Fields, camel, parse_json, parse_yaml
from mcpworkload.runtime.mounts import declarations, mount_of
from mcpworkload.runtime.types import Mount, PermissionConfig


@dataclass(frozen=True)
class OutboundRules(Checked):
    """Hosts and ports that the server may connect to; both must match when both are given."""

    insecure_allow_all: bool = False
    allow_host: Sequence[str] = ()
    allow_port: Sequence[int] = ()

    CHECKS: ClassVar[Mapping[str, Check]] = {
        "insecure_allow_all": arguments.flag,
        "allow_host": arguments.each(arguments.filled),
        "allow_port": arguments.each(arguments.port),
    }


@dataclass(frozen=True)
class InboundRules(Checked):
    """Hosts that may connect to the server."""

    allow_host: Sequence[str] = ()

    CHECKS: ClassVar[Mapping[str, Check]] = {"allow_host": arguments.each(arguments.filled)}


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
class PermissionProfile(Checked):
    """
    What a server may read, write and reach; nothing but its own image by default.

    `read` and `write` are mount declarations: `path`, `host:container`, `scheme://resource:path`.

    Raises:
        WorkloadInvalid: a field is of a wrong type, or a declaration has none of these forms.
    """

    name: str = ""
    read: Sequence[str] = ()
    write: Sequence[str] = ()
    network: NetworkRules = field(default_factory=NetworkRules)
    privileged: bool = False

    CHECKS: ClassVar[Mapping[str, Check]] = {
        "name": arguments.text,
        "read": declarations,
        "write": declarations,
        "network": arguments.instance(NetworkRules),
        "privileged": arguments.flag,
    }

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
        return cast("Self", _read(cls, Fields(data, "permission_profile")))

    def to_json(self) -> str:
        """Return the profile as ToolHive writes it, and as `from_json` reads it back."""
        return json.dumps(_written(self, str), indent=2)

    def to_spec(self) -> dict[str, Any]:
        """Return the profile as it stands in an MCPWorkload: camelCase, without empty fields."""
        return _written(self, camel)

    def to_config(self) -> PermissionConfig:
        """
        Return the mounts, network mode and capabilities that the profile stands for.

        What is both read and written is written. No capability is left but to the privileged.
        """
        mounts: dict[str, Mount] = {}
        for declaration in self.read:
            found = mount_of(declaration, read_only=True)
            mounts[found.target] = found
        for declaration in self.write:
            found = mount_of(declaration)
            mounts[found.target] = found
        return PermissionConfig(
            mounts=tuple(mounts.values()),
            network_mode=self.network.mode,
            cap_drop=() if self.privileged else ("ALL",),
            privileged=self.privileged,
        )


#: The fields that have fields of their own.
_PARTS: Final[Mapping[str, type[Checked]]] = {
    "network": NetworkRules,
    "outbound": OutboundRules,
    "inbound": InboundRules,
}


def _read(kind: type[Checked], fields: Fields) -> Checked:
    values: dict[str, Any] = {}
    for key, check in kind.CHECKS.items():
        if key in _PARTS:
            values[key] = _read(_PARTS[key], fields.part(key))
        elif (value := fields.take(key)) is not None:
            values[key] = check(value, f"{fields.path}.{key}")
    fields.refuse_rest()
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
