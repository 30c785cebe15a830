"""
Permission profiles: what a server may read, write and reach.

The JSON format is ToolHive's, so that existing profiles can be used as they are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from mcpworkload.runtime.errors import WorkloadInvalid


@dataclass(frozen=True)
class OutboundRules:
    """Where the server may connect to; hosts and ports must both match when both are given."""

    insecure_allow_all: bool = False
    allow_host: Sequence[str] = ()
    allow_port: Sequence[int] = ()


@dataclass(frozen=True)
class InboundRules:
    """Who may connect to the server."""

    allow_host: Sequence[str] = ()


@dataclass(frozen=True)
class NetworkRules:
    """The network part of a profile."""

    mode: str = ""
    outbound: OutboundRules = field(default_factory=OutboundRules)
    inbound: InboundRules = field(default_factory=InboundRules)


@dataclass(frozen=True)
class PermissionProfile:
    """
    What a server may read, write and reach; nothing but its own image by default.

    `read` and `write` are mount declarations: `path`, `host:container`, `scheme://resource:path`.
    """

    name: str = ""
    read: Sequence[str] = ()
    write: Sequence[str] = ()
    network: NetworkRules = field(default_factory=NetworkRules)
    privileged: bool = False

    @classmethod
    def none(cls) -> Self:
        """The builtin that allows nothing."""
        return cls(name="none")

    @classmethod
    def with_network(cls) -> Self:
        """The builtin `network`: every connection outwards, nothing else."""
        outbound = OutboundRules(insecure_allow_all=True)
        return cls(name="network", network=NetworkRules(outbound=outbound))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """
        A profile from ToolHive's JSON.

        Raises:
            WorkloadInvalid: the text is no JSON object, a field is unknown or of a wrong type.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise _invalid(f"is not JSON: {error}") from error
        profile = _Fields(data, "permission_profile")
        network = _Fields(profile.take("network", dict, {}), "permission_profile.network")
        outbound = _Fields(network.take("outbound", dict, {}), f"{network.path}.outbound")
        inbound = _Fields(network.take("inbound", dict, {}), f"{network.path}.inbound")
        made = cls(
            name=profile.take("name", str, ""),
            read=profile.take_list("read", str),
            write=profile.take_list("write", str),
            network=NetworkRules(
                mode=network.take("mode", str, ""),
                outbound=OutboundRules(
                    insecure_allow_all=outbound.take("insecure_allow_all", bool, False),
                    allow_host=outbound.take_list("allow_host", str),
                    allow_port=outbound.take_list("allow_port", int),
                ),
                inbound=InboundRules(allow_host=inbound.take_list("allow_host", str)),
            ),
            privileged=profile.take("privileged", bool, False),
        )
        for part in (profile, network, outbound, inbound):
            part.refuse_rest()
        return made

    def to_spec(self) -> dict[str, Any]:
        """The profile as it stands in an MCPWorkload: camelCase, without what says nothing."""
        outbound, inbound = self.network.outbound, self.network.inbound
        return _without_empty(
            {
                "name": self.name,
                "read": list(self.read),
                "write": list(self.write),
                "network": _without_empty(
                    {
                        "mode": self.network.mode,
                        "outbound": _without_empty(
                            {
                                "insecureAllowAll": outbound.insecure_allow_all,
                                "allowHost": list(outbound.allow_host),
                                "allowPort": list(outbound.allow_port),
                            }
                        ),
                        "inbound": _without_empty({"allowHost": list(inbound.allow_host)}),
                    }
                ),
                "privileged": self.privileged,
            }
        )


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value}


def _invalid(message: str, path: str = "permission_profile") -> WorkloadInvalid:
    return WorkloadInvalid(f"{path}: {message}", fields=(path,))


class _Fields:
    """The fields of a JSON object, each taken once."""

    def __init__(self, data: Any, path: str) -> None:
        if not isinstance(data, Mapping):
            raise _invalid("write a JSON object", path)
        self.path = path
        self._rest = dict(data)

    def take(self, key: str, kind: type, default: Any) -> Any:
        value = self._rest.pop(key, None)
        if value is None:
            return default
        return self._checked(value, kind, f"{self.path}.{key}")

    def take_list(self, key: str, kind: type) -> tuple[Any, ...]:
        values = self.take(key, list, [])
        return tuple(
            self._checked(value, kind, f"{self.path}.{key}[{index}]")
            for index, value in enumerate(values)
        )

    def refuse_rest(self) -> None:
        """
        Accept no field that has not been taken.

        Raises:
            WorkloadInvalid: a rule that is ignored would be worse than one that is refused.
        """
        for key in self._rest:
            raise _invalid("no such field", f"{self.path}.{key}")

    @staticmethod
    def _checked(value: Any, kind: type, path: str) -> Any:
        # To Python, true is a number.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise _invalid(f"write a {kind.__name__}, not {json.dumps(value)}", path)
        return value
