"""
The operator's end of the gate: the port that isolated pods connect to before they start.

Nothing is said on it. That it accepts a connection proves to a pod that the operator is there and
that the pod may reach it, which makes a closed port beside it a proof of the rules of the network.
"""

import asyncio
import logging
from typing import Final

import msgspec

from mcpworkload.controller.admission.installation import GateTarget
from mcpworkload.controller.settings import Settings
from mcpworkload.kube.client import Api
from mcpworkload.kube.errors import ApiError, Unavailable, read_answer
from mcpworkload.kube.paths import core_path

log = logging.getLogger(__name__)

CONTROL: Final = "control"
FORBIDDEN: Final = "forbidden"
_RETRY_SECONDS = 2.0
# As many are accepted at a time, and closed before the next: no more file descriptors are in use.
_BACKLOG: Final = 100


class ServicePort(msgspec.Struct, rename="camel", frozen=True):
    """A port of a Service."""

    port: int
    name: str = ""
    target_port: int | str = 0


class ServiceSpec(msgspec.Struct, rename="camel", frozen=True):
    """The part of a Service that says where it can be reached."""

    cluster_ip: str = msgspec.field(name="clusterIP", default="")
    ports: tuple[ServicePort, ...] | None = None
    ip_families: tuple[str, ...] = ()


class GateService(msgspec.Struct, frozen=True):
    """The Service by which gates reach the operator."""

    spec: ServiceSpec


class _Closing(asyncio.Protocol):
    """Closes each connection; not by a reset, which the other side may see before it connects."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


async def serve_gate(port: int) -> asyncio.Server:
    """Accept connections on *port* of all addresses and close them; close the result to stop."""
    return await asyncio.get_running_loop().create_server(_Closing, port=port, backlog=_BACKLOG)


async def find_gate(api: Api, settings: Settings) -> GateTarget | None:
    """
    Return where the gates of pods try the operator: None where it has no such Service.

    Waits for as long as the API server does not answer.
    """
    if not settings.gate_port or not settings.probe_port:
        # With nothing behind it, the forbidden port is closed whatever the rules of the network.
        log.info("no gate: MCPWORKLOAD_GATE_PORT and MCPWORKLOAD_PROBE_PORT have to be ports")
        return None
    path = core_path("services", settings.operator_namespace, settings.gate_service)
    while True:
        try:
            service = read_answer(await api.request("GET", path), GateService)
            return read_target(service, settings)
        except Unavailable:
            await asyncio.sleep(_RETRY_SECONDS)
        except (ApiError, ValueError) as error:
            log.info(
                "no gate, so that no isolated workload is accepted unless MCPWORKLOAD_GATE is "
                "waived: Service %s in %s: %s",
                settings.gate_service,
                settings.operator_namespace,
                error,
            )
            return None


def read_target(service: GateService, settings: Settings) -> GateTarget:
    """
    Return the addresses that *service* gives to the operator's two ports.

    Raises:
        ValueError: it has no address, or does not lead to the ports of *settings*.
    """
    address = service.spec.cluster_ip
    if address in ("", "None"):
        raise ValueError("it has no cluster IP; leave out clusterIP: None")
    control = _find_port(service, CONTROL, settings.gate_port)
    forbidden = _find_port(service, FORBIDDEN, settings.probe_port)
    return GateTarget(address, control, forbidden, "IPv6" in service.spec.ip_families)


def _find_port(service: GateService, name: str, listening: int) -> int:
    for port in service.spec.ports or ():
        if port.name != name:
            continue
        # A named target is the Deployment's to resolve. The Service's own port has to be the same:
        # a policy allows one number, which some networks compare before they replace a Service's
        # address and others after.
        leads_there = isinstance(port.target_port, str) or port.target_port == listening
        if port.port != listening or not leads_there:
            raise ValueError(
                f"its port {name} is {port.port} and leads to {port.target_port}; write "
                f"{listening} for port and targetPort, where the operator listens"
            )
        return port.port
    raise ValueError(f"it has no port {name}; add one with port and targetPort {listening}")
