"""
What a workload may do: its permission profile resolved, and what its isolation lets through.

Resolved once for a reconcile, before the pod template is built; what depends on the cluster (the
text in a ConfigMap, the address of the egress proxy) comes in as `Surroundings`.
"""

from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final

from mcpworkload.api import names
from mcpworkload.api.hosts import (
    Network,
    OutboundRules,
    Pods,
    Source,
    Unenforceable,
    outbound_rules,
    parse_source,
)
from mcpworkload.api.permissions import PermissionProfile, Permissions
from mcpworkload.api.profiles import resolve_config, resolve_profile
from mcpworkload.api.refusals import InvalidSpec, PolicyDenied, ReferenceNotFound
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.controller.desired.gate import address_of
from mcpworkload.controller.references import Absence
from mcpworkload.controller.settings import PodSecurity

_PROFILE = "spec.permissionProfile.configMapKeyRef"


@dataclass(frozen=True)
class Surroundings:
    """What the template of a workload depends on beside its spec and the installation."""

    #: The text of the profile in a ConfigMap; None where the spec names none.
    profile: str | Absence | None = None
    #: The level that the namespace enforces; None where it is not known or does not matter.
    pod_security: PodSecurity | None = None
    #: Of the Service of the egress proxy; empty while there is none.
    proxy_address: str = ""


#: Of a workload that nothing was looked up for.
UNKNOWN_SURROUNDINGS: Final = Surroundings()


@dataclass(frozen=True)
class Isolation:
    """What isolation lets through."""

    outbound: OutboundRules
    #: From where alone clients may connect; None for everywhere.
    sources: tuple[Network | Pods, ...] | None = None
    #: Inbound entries that nobody can connect by, as they were written.
    unenforceable: tuple[str, ...] = ()
    #: Outbound addresses of IPv6, which the cluster does not have.
    left_out: tuple[str, ...] = ()
    proxy_address: str = ""

    @property
    def proxy(self) -> str | None:
        """Where the egress proxy listens, as `ADDRESS:PORT`; None where there is to be none."""
        if not self.outbound.needs_proxy:
            return None
        return address_of(self.proxy_address, names.EGRESS_PORT)

    @property
    def awaits_proxy(self) -> bool:
        """True while the address is not known by which the pods reach the proxy."""
        return self.outbound.needs_proxy and not self.proxy_address


@dataclass(frozen=True)
class Grants:
    """What a workload may do beyond its own image."""

    #: None without a profile.
    permissions: Permissions | None = None
    #: None where the network is not isolated.
    isolation: Isolation | None = None


#: Of a workload without a profile whose network is not isolated.
NO_GRANTS: Final = Grants()


def resolve_grants(
    workload: Workload, policy: Policy, surroundings: Surroundings = UNKNOWN_SURROUNDINGS
) -> Grants:
    """
    Return what *workload* may do in these *surroundings*.

    Raises:
        InvalidSpec: the profile in the ConfigMap is none; names the entry and the rule.
        ReferenceNotFound: there is no such ConfigMap, or no such key in it.
        PolicyDenied: the installation has no egress proxy for hosts and ports.
    """
    spec = workload.spec
    if spec.permission_profile is None and not spec.isolate_network:
        return NO_GRANTS
    profile = resolve_profile(spec.permission_profile, _text(workload, surroundings))
    permissions = resolve_config(profile) if spec.permission_profile else None
    if not spec.isolate_network:
        return Grants(permissions)
    if spec.bridge is Bridge.ATTACH:
        raise InvalidSpec(
            "spec.isolateNetwork: found true; write spec.command, the program that the image "
            "starts: without it the bridge of a stdio server attaches by way of the API server, "
            "which isolated pods do not reach"
        )
    isolation = _isolation(profile, surroundings.proxy_address, policy)
    if isolation.outbound.needs_proxy and not policy.egress_image:
        raise PolicyDenied(
            "spec.permissionProfile.network.outbound: it lists hosts or ports, and the operator "
            "has no proxy that tells them apart: set MCPWORKLOAD_EGRESS_IMAGE in the operator's "
            "Deployment"
        )
    return Grants(permissions, isolation)


def _text(workload: Workload, given: Surroundings) -> str | None:
    """Return the text of the profile that *workload* refers to; None where it refers to none."""
    profile = workload.spec.permission_profile
    if profile is None or profile.config_map_key_ref is None:
        return None
    if given.profile is Absence.UNREADABLE:
        raise ReferenceNotFound(
            f"{_PROFILE}: the operator is not allowed to read ConfigMaps, such as "
            f"{profile.config_map_key_ref.name}"
        )
    return given.profile if isinstance(given.profile, str) else None


def _isolation(profile: PermissionProfile, proxy_address: str, policy: Policy) -> Isolation:
    network = profile.network
    rules = outbound_rules(network)
    left_out: list[str] = []
    if not policy.has_ipv6:
        # A policy with a peer of IPv6 counts as a whole for nothing on some clusters without it.
        left_out = [str(each) for each in rules.addresses if isinstance(each, IPv6Network)]
        rules = rules.without_ipv6()
    entries: list[Source] = []
    for text in network.inbound.allow_host:
        source = parse_source(text)
        is_foreign = isinstance(source, IPv6Network) and not policy.has_ipv6
        entries.append(Unenforceable(text) if is_foreign else source)
    enforceable = tuple(each for each in entries if not isinstance(each, Unenforceable))
    return Isolation(
        rules,
        enforceable if entries else None,
        tuple(each.text for each in entries if isinstance(each, Unenforceable)),
        tuple(left_out),
        proxy_address,
    )
