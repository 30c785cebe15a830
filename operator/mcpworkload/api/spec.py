"""
The spec of an MCPWorkload, put together from its parts; for users it is flat.

A field's description is what `kubectl explain` shows. Rules here are about fields of several
parts; those about one stand with it.
"""

from mcpworkload.api import bridging
from mcpworkload.api.base import Rule
from mcpworkload.api.patch import PatchFields
from mcpworkload.api.permissions import PermissionFields
from mcpworkload.api.pod import PodFields
from mcpworkload.api.rollout import RolloutFields
from mcpworkload.api.server import ServerFields
from mcpworkload.api.service import ServiceFields
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.storage import CLAIMS_STAY, VOLUME_OR_CLAIM, StorageFields
from mcpworkload.api.verification import VerificationFields


def _are_ports_free(spec: "WorkloadSpec") -> bool:
    transport = (spec.transport.port, "TCP")
    return all(transport not in (port.inside, port.outside) for port in spec.ports)


def _have_helpers_own_names(spec: "WorkloadSpec") -> bool:
    first = {container["name"] for container in spec.init_containers}
    return all(container["name"] not in first for container in spec.sidecars)


_PORTS_FREE = Rule(
    message="leave the transport's port out of ports, servicePort included: it is there already",
    cel=(
        "!has(self.ports) || !has(self.transport) || self.ports.all(p, "
        "p.?protocol.orValue('TCP') != 'TCP' || (p.port != self.transport.port "
        "&& p.?servicePort.orValue(p.port) != self.transport.port))"
    ),
    holds=_are_ports_free,
    field_path=".ports",
)
_OWN_NAMES = Rule(
    message="give the sidecar another name than those of initContainers",
    cel=(
        "!has(self.sidecars) || !has(self.initContainers) || self.sidecars.all(sidecar, "
        "!self.initContainers.exists(other, other.name == sidecar.name))"
    ),
    holds=_have_helpers_own_names,
    field_path=".sidecars",
)


# Pydantic puts the fields of the last base first, and that is the order in which they are shown.
class WorkloadSpec(
    PatchFields,
    VerificationFields,
    PermissionFields,
    ServiceFields,
    StorageFields,
    RolloutFields,
    PodFields,
    ServerFields,
):
    """The server that should run."""

    RULES = (_PORTS_FREE, _OWN_NAMES, VOLUME_OR_CLAIM, CLAIMS_STAY, *bridging.RULES)

    @property
    def bridge(self) -> Bridge | None:
        """The bridge of a stdio server; None for a server that speaks HTTP itself."""
        if self.transport.type != "stdio":
            return None
        choice = self.transport.stdio.bridge or "Auto"
        if choice == "Auto":
            return Bridge.INJECT if self.command else Bridge.ATTACH
        return Bridge(choice)
