"""
The fields of a spec about permissions: what a server may read, write, reach and do.

Scalars default by a factory here: what the CRD has as a default, the API server would write into
each profile, and a builtin would then have fields beside it.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.alias_generators import to_camel

from mcpworkload.api import rules
from mcpworkload.api.base import INT32, Model, Rule, refusal
from mcpworkload.api.entries import BadEntry
from mcpworkload.api.hosts import parse_host, parse_source
from mcpworkload.api.mounts import mount_source, parse_mount

Builtin = Literal["none", "network"]

_MAX_HOSTS = 64
_MAX_HOST = 253
_MAX_PORTS = 64
_MAX_MOUNTS = 32
_MAX_MOUNT = 1024
_MAX_CAPABILITIES = 32
_MAX_CAPABILITY = 64
_MAX_OPTIONS = 16
_MAX_OPTION = 512
_MAX_NAME = 253

# What Docker calls a network, as far as it says something about a pod; host is the policy's matter.
_MODES = ("", "bridge", "default", "none", "host")
_MODE = Rule(
    message=(
        "write bridge, default or none, or leave mode out: a network of Docker has no meaning on "
        "Kubernetes"
    ),
    cel=f"self in {list(_MODES)}",
    holds=lambda mode: mode in _MODES,
)
# No name looks like this: parse_host takes none whose last label is a number.
_ADDRESS = re.compile(r"[0-9.]+(/[0-9]+)?|[0-9A-Fa-f.:]*:[0-9A-Fa-f.:]*(/[0-9]+)?")
_CAPABILITY = Rule(
    message='write the capability in capitals and without CAP_, such as "NET_BIND_SERVICE"',
    cel="self.matches('^[A-Z][A-Z0-9_]*$') && !self.startsWith('CAP_')",
    holds=lambda name: bool(re.fullmatch("[A-Z][A-Z0-9_]*", name)) and not name.startswith("CAP_"),
)


def _entry(read: Callable[[str], Any]) -> AfterValidator:
    """Return the validator that accepts an entry that *read* understands."""

    def check(text: str) -> str:
        try:
            read(text)
        except BadEntry as error:
            raise refusal(str(error)) from None
        return text

    return AfterValidator(check)


def _check_targets(declarations: tuple[str, ...]) -> tuple[str, ...]:
    """Accept declarations of which none hides what another mounts."""
    sources: dict[str, str] = {}
    for declaration in declarations:
        mount = parse_mount(declaration)
        if sources.setdefault(mount.target, mount.source) != mount.source:
            raise refusal("mount one source at a target, not several", culprit=declaration)
    return declarations


_Host = Annotated[str, Field(min_length=1, max_length=_MAX_HOST), _entry(parse_host)]
_Source = Annotated[str, Field(min_length=1, max_length=_MAX_HOST), _entry(parse_source)]
_Port = Annotated[int, Field(ge=1, le=65535, json_schema_extra=INT32)]
_Mount = Annotated[
    str,
    Field(min_length=1, max_length=_MAX_MOUNT),
    _entry(lambda text: mount_source(parse_mount(text).source)),
]
_Capability = Annotated[str, Field(min_length=1, max_length=_MAX_CAPABILITY), _CAPABILITY]
_Option = Annotated[str, Field(min_length=1, max_length=_MAX_OPTION)]
# Lists of JSON, tuples of Python.
_Hosts = Annotated[tuple[_Host, ...], Field(strict=False, max_length=_MAX_HOSTS)]
_Sources = Annotated[tuple[_Source, ...], Field(strict=False, max_length=_MAX_HOSTS)]
_Ports = Annotated[tuple[_Port, ...], Field(strict=False, max_length=_MAX_PORTS)]
_Mounts = Annotated[
    tuple[_Mount, ...],
    Field(strict=False, max_length=_MAX_MOUNTS),
    AfterValidator(_check_targets),
]
_Capabilities = Annotated[
    tuple[_Capability, ...], Field(strict=False, max_length=_MAX_CAPABILITIES)
]
_Options = Annotated[tuple[_Option, ...], Field(strict=False, max_length=_MAX_OPTIONS)]


def _names_no_private_host(outbound: "Outbound") -> bool:
    return not outbound.insecure_allow_all or all(
        _ADDRESS.fullmatch(entry) for entry in outbound.allow_private_host
    )


class Outbound(Model):
    """Where the server may connect to."""

    RULES = (
        Rule(
            message=(
                "write addresses or networks beside insecureAllowAll, not names: no proxy sees "
                "which name an address belongs to"
            ),
            cel=(
                "!self.?insecureAllowAll.orValue(false) || !has(self.allowPrivateHost) "
                "|| self.allowPrivateHost.all(entry, "
                f"entry.matches('^({_ADDRESS.pattern})$'))"
            ),
            holds=_names_no_private_host,
            field_path=".allowPrivateHost",
        ),
    )

    insecure_allow_all: bool = Field(
        default_factory=bool,
        description=(
            "Whether every public address may be reached, on every port. Private addresses need "
            "an entry of allowPrivateHost."
        ),
    )
    allow_host: _Hosts = Field(
        default=(),
        description=(
            "The hosts that may be reached: a name (api.example.com), a name with all names below "
            "it (.example.com or *.example.com), an address or a network (192.0.2.0/24). A name "
            "that resolves to a private address is refused unless it stands in allowPrivateHost "
            "too; link-local addresses never are reached."
        ),
    )
    allow_port: _Ports = Field(
        default=(),
        description=(
            "The ports that may be reached. Beside allowHost, both must match; without it, any "
            "public host."
        ),
    )
    allow_private_host: _Hosts = Field(
        default=(),
        description=(
            "The hosts, written as in allowHost, whose names may resolve to private addresses. "
            "Beside insecureAllowAll: the private addresses and networks that may be reached."
        ),
    )

    @property
    def is_empty(self) -> bool:
        """True if nothing may be reached."""
        return not (
            self.insecure_allow_all or self.allow_host or self.allow_port or self.allow_private_host
        )


class Inbound(Model):
    """Who may connect to the server."""

    allow_host: _Sources = Field(
        default=(),
        description=(
            "Addresses, networks (192.0.2.0/24), or pods by namespace or namespace/workload. Left "
            "out: everyone. Other entries, such as names of hosts, no NetworkPolicy can express: "
            "the condition Isolated names them."
        ),
    )


_CEL_NOTHING_OUTBOUND = (
    "!self.?outbound.?insecureAllowAll.orValue(false) "
    "&& self.?outbound.?allowHost.orValue([]).size() == 0 "
    "&& self.?outbound.?allowPort.orValue([]).size() == 0 "
    "&& self.?outbound.?allowPrivateHost.orValue([]).size() == 0"
)


class NetworkRules(Model):
    """The network of a server; without isolateNetwork it has no effect."""

    RULES = (
        Rule(
            message="leave outbound out, or mode: none, which leaves no way out",
            cel=f"self.?mode.orValue('') != 'none' || ({_CEL_NOTHING_OUTBOUND})",
            holds=lambda network: network.mode != "none" or network.outbound.is_empty,
            field_path=".outbound",
        ),
    )

    mode: Annotated[str, Field(max_length=_MAX_NAME), _MODE] = Field(
        default_factory=str,
        description=(
            "What Docker is told: bridge or default for the pod's own network, none for no way "
            "out. The operator refuses host. Left out: the pod's own network."
        ),
    )
    outbound: Outbound = Field(
        default_factory=Outbound,
        description="Where the server may connect to. Left out: nowhere, DNS included.",
    )
    inbound: Inbound = Field(
        default_factory=Inbound,
        description="Who may connect to the server. Left out: everyone, on the workload's ports.",
    )


class ConfigMapKey(Model):
    """A key of a ConfigMap."""

    name: str = Field(
        min_length=1,
        max_length=rules.SUBDOMAIN_MAX_LENGTH,
        pattern=rules.SUBDOMAIN_PATTERN,
        description="The name of a ConfigMap of this namespace. Required.",
    )
    key: str = Field(
        min_length=1,
        max_length=253,
        pattern="^[-._a-zA-Z0-9]+$",
        description="The key whose value is the profile, as JSON. Required.",
    )


_INLINE = (
    "name",
    "read",
    "write",
    "network",
    "privileged",
    "cap_add",
    "cap_drop",
    "security_opt",
)
_CEL_INLINE = " || ".join(f"has(self.{to_camel(field)})" for field in _INLINE)


def _has_one_form(profile: "PermissionProfile") -> bool:
    forms = (
        profile.builtin is not None,
        profile.config_map_key_ref is not None,
        bool(profile.model_fields_set.intersection(_INLINE)),
    )
    return sum(forms) <= 1


class PermissionProfile(Model):
    """What a server may read, write, reach and do; without any field, nothing."""

    RULES = (
        Rule(
            message=(
                "write either builtin, or configMapKeyRef, or the profile's own fields, not "
                "several of them"
            ),
            cel=(
                "[has(self.builtin), has(self.configMapKeyRef), "
                f"{_CEL_INLINE}].filter(given, given).size() <= 1"
            ),
            holds=_has_one_form,
        ),
    )

    builtin: Builtin | None = Field(
        default=None,
        description=(
            "A profile that needs no further words: none allows nothing, network every "
            "connection to public addresses."
        ),
    )
    config_map_key_ref: ConfigMapKey | None = Field(
        default=None,
        description=(
            "The key of a ConfigMap that has the profile as ToolHive's JSON. A change of it is "
            "followed."
        ),
    )
    name: str = Field(
        default_factory=str,
        max_length=_MAX_NAME,
        description="A name for people; it has no effect.",
    )
    read: _Mounts = Field(
        default=(),
        description=(
            "What is mounted read-only: volume://CLAIM:/target, configmap://NAME:/target, "
            "secret://NAME:/target, emptydir://NAME:/target; paths of the node (/source:/target) "
            "only where the installation allows them."
        ),
    )
    write: _Mounts = Field(
        default=(),
        description=(
            "What is mounted writable, written as in read. A target that stands in both is "
            "writable."
        ),
    )
    network: NetworkRules = Field(
        default_factory=NetworkRules,
        description="The network rules, which act with isolateNetwork only.",
    )
    privileged: bool = Field(
        default_factory=bool,
        description=(
            "Whether the server has the rights of the node's root, where the installation "
            "allows it."
        ),
    )
    cap_add: _Capabilities = Field(
        default=(),
        description="Capabilities that the server has, as far as the installation allows them.",
    )
    cap_drop: _Capabilities = Field(
        default=(),
        description="Capabilities that the server has not. Unless privileged: ALL in any case.",
    )
    security_opt: _Options = Field(
        default=(),
        description=(
            "Docker's security options: seccomp=, apparmor=, no-new-privileges, label=. The "
            "condition Isolated names those that have no meaning on Kubernetes."
        ),
    )


class PermissionFields(Model):
    """The fields of a spec that are about permissions."""

    permission_profile: PermissionProfile | None = Field(
        default=None,
        description=(
            "What the server may read, write, reach and do: a builtin, the key of a ConfigMap, or "
            "the profile itself."
        ),
    )
    isolate_network: bool = Field(
        default_factory=bool,
        description=(
            "Whether the network rules of the profile are enforced; without a profile, nothing "
            "is allowed outwards. The condition Isolated reports whether they hold."
        ),
    )


class Mount(Model):
    """A mount that a profile stands for."""

    source: str = Field(description="What is mounted: a path of the node, or scheme://name.")
    target: str = Field(description="The path in the server's container.")
    read_only: bool = Field(default=False, description="Whether the server cannot write there.")


class Permissions(Model):
    """The rights of a server, spelled out."""

    mounts: tuple[Mount, ...] = Field(
        default=(), strict=False, description="What is mounted for the profile."
    )
    network_mode: str = Field(default="", description="The profile's network mode.")
    cap_drop: tuple[str, ...] = Field(
        default=(), strict=False, description="The capabilities that are dropped."
    )
    cap_add: tuple[str, ...] = Field(
        default=(), strict=False, description="The capabilities that are added."
    )
    security_opt: tuple[str, ...] = Field(
        default=(), strict=False, description="The security options, as Docker writes them."
    )
    privileged: bool = Field(default=False, description="Whether the server is privileged.")

    def to_api(self) -> dict[str, Any]:
        """Return the permissions as plain JSON data with the API's names; fresh with every call."""
        return self.model_dump(mode="json", by_alias=True)
