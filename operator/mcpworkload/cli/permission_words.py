"""Pure: what a permission profile allows and what no cluster enforces of it, in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final

from mcpworkload.api.hosts import Source, outbound_rules, parse_source
from mcpworkload.api.mounts import (
    ClaimSource,
    ConfigMapSource,
    EmptyDirSource,
    HostPath,
    MountSource,
    SecretSource,
    mount_source,
    parse_mount,
)
from mcpworkload.api.permissions import NetworkRules, PermissionProfile
from mcpworkload.api.profiles import resolve_config
from mcpworkload.api.security_options import (
    AppArmor,
    Meaningless,
    NoNewPrivileges,
    Seccomp,
    SecurityOption,
    SELinux,
    parse_security_option,
)
from mcpworkload.cli.network_words import (
    NOT_ISOLATED,
    NOT_REQUESTED,
    inbound_limits,
    inbound_sentences,
    outbound_limits,
    outbound_sentences,
)

_ADDED: Final = (
    "Other NetworkPolicies that select the pods add to what is allowed; only the objects below are "
    "the operator's."
)
_ENGINE: Final = (
    "The cluster's network has to enforce NetworkPolicies; the gate keeps the server from starting "
    "where it does not."
)


@dataclass(frozen=True)
class Explanation:
    """What a profile allows, and what no cluster can enforce of that."""

    allows: tuple[str, ...]
    limits: tuple[str, ...]


def explain(profile: PermissionProfile, is_isolated: bool) -> Explanation:
    """
    Return in sentences what *profile*, a resolved one, allows.

    Each of its entries is in one of the sentences. Without isolation its network part has no
    effect, and the sentences about it begin with "If isolated:".
    """
    allows = [*_network(profile, is_isolated), *_files(profile), *_privileges(profile)]
    return Explanation(tuple(allows), tuple(_limits(profile, is_isolated)))


def _network(profile: PermissionProfile, is_isolated: bool) -> Iterator[str]:
    mode = profile.network.mode
    if mode == "host":
        yield "The pods use the network of their node (mode host), where no NetworkPolicy holds."
    elif mode:
        yield f"The pods have a network of their own, as always (mode {mode})."
    rules = (*outbound_sentences(outbound_rules(profile.network)), *_inbound(profile))
    if is_isolated:
        yield from rules
        return
    yield NOT_ISOLATED
    if profile.network != NetworkRules():
        yield NOT_REQUESTED
        yield from (f"If isolated: {sentence}" for sentence in rules)


def _inbound(profile: PermissionProfile) -> tuple[str, ...]:
    return inbound_sentences(_sources(profile) if profile.network.inbound.allow_host else None)


def _sources(profile: PermissionProfile) -> tuple[Source, ...]:
    return tuple(parse_source(entry) for entry in profile.network.inbound.allow_host)


def _files(profile: PermissionProfile) -> Iterator[str]:
    written = {parse_mount(text).target for text in profile.write}
    for verbs, declarations in (("read", profile.read), ("read and write", profile.write)):
        for text in declarations:
            declared = parse_mount(text)
            what = _mounted(mount_source(declared.source))
            if verbs == "read" and declared.target in written:
                yield f"To read {declared.target}, {what}, is listed, and to write it: that counts."
            else:
                yield f"The server may {verbs} {declared.target}, {what}."
    if not profile.privileged:
        yield "All else in its container is read-only, but for /tmp and the volumes of the spec."


def _mounted(source: MountSource) -> str:
    match source:
        case ClaimSource(name):
            return f"the PersistentVolumeClaim {name}"
        case ConfigMapSource(name):
            return f"the keys of ConfigMap {name}"
        case SecretSource(name):
            return f"the keys of Secret {name}"
        case EmptyDirSource(name):
            shared = f"the directory {name} of the pod" if name else "a directory"
            return f"{shared}, which is empty at first"
        case HostPath(path):
            return f"the directory {path} of the node, if the installation allows it"


def _privileges(profile: PermissionProfile) -> Iterator[str]:
    if profile.privileged:
        yield "The container is privileged: it may do all that root of the node may."
    for text in profile.security_opt:
        option = parse_security_option(text)
        if not isinstance(option, Meaningless):
            yield f"{_option(option)} ({text})"
    config = resolve_config(profile)
    if config.cap_drop:
        yield f"Its capabilities are dropped: {', '.join(config.cap_drop)}."
    if config.cap_add:
        yield f"It is given the capabilities {', '.join(config.cap_add)}."


def _option(option: SecurityOption) -> str:
    match option:
        case Seccomp(kind, file):
            return f"System calls: {_profile(kind, file, 'seccomp')}."
        case AppArmor(kind, profile):
            return f"AppArmor: {_profile(kind, profile, 'AppArmor')}."
        case NoNewPrivileges(is_set):
            gains = "gain no rights" if is_set else "gain rights, by setuid say,"
            return f"Its programs may {gains} that their parent has not."
        case SELinux(field, value):
            return f"Its SELinux {field} is {value}."
        case Meaningless(text):
            return text


def _profile(kind: str, name: str, what: str) -> str:
    if kind == "Unconfined":
        return "nothing is filtered"
    if kind == "RuntimeDefault":
        return "what the container runtime allows by default"
    return f"what the node's {what} profile {name} allows"


def _limits(profile: PermissionProfile, is_isolated: bool) -> Iterator[str]:
    yield from inbound_limits(_sources(profile))
    if is_isolated:
        yield from outbound_limits(outbound_rules(profile.network))
        yield from _ipv6(profile)
        yield _ADDED
        yield _ENGINE
    for text in profile.security_opt:
        if isinstance(parse_security_option(text), Meaningless):
            yield f"securityOpt {text}: Kubernetes has nothing like it."


def _ipv6(profile: PermissionProfile) -> Iterator[str]:
    rules = outbound_rules(profile.network)
    listed = (*rules.hosts, *rules.private, *_sources(profile))
    if found := [str(entry) for entry in listed if isinstance(entry, IPv6Network)]:
        yield f"Where the cluster has no IPv6, these have no effect: {', '.join(found)}."
