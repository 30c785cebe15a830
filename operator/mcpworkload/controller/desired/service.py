"""
Build the Services of a workload.

The governing headless Service gives each pod a DNS name, and one name to all that are ready. The
other, which exists where the user asks for it, has an address of its own.
"""

from mcpworkload.api import names
from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import Policy
from mcpworkload.kube.manifest import Manifest


def check_service(workload: Workload, policy: Policy) -> None:
    """
    Return if the Services that *workload* asks for are allowed in this installation.

    Raises:
        PolicyDenied: names the field, the setting and what to write instead.
    """
    if policy.is_exposure_allowed:
        return
    options = workload.spec.service
    denied = "this installation forbids it (MCPWORKLOAD_EXPOSURE is denied)"
    if options.type == "LoadBalancer":
        raise PolicyDenied(
            f'spec.service.type: found "LoadBalancer"; write ClusterIP, or leave it out: {denied}'
        )
    if options.annotations:
        keys = ", ".join(sorted(options.annotations))
        raise PolicyDenied(f"spec.service.annotations: found {keys}; leave them out: {denied}")


def build_service_spec(workload: Workload) -> Manifest:
    """Return the spec of the governing Service; unready pods get no address."""
    # A headless Service translates nothing: both ports are the container's.
    further = [_build_port(port.name, port.port, port.inside) for port in workload.spec.ports]
    return {
        "type": "ClusterIP",
        "clusterIP": "None",
        "selector": names.selector_labels(workload.name),
        "ports": [*_build_transport_port(workload), *further],
    }


def build_client_service_spec(workload: Workload) -> Manifest:
    """Return the spec of the Service with an address of its own."""
    options = workload.spec.service
    further = [_build_port(port.name, port.port, port.outside) for port in workload.spec.ports]
    spec: Manifest = {
        "type": options.type,
        "selector": names.selector_labels(workload.name),
        "ports": [*_build_transport_port(workload), *further],
    }
    if options.session_affinity:
        spec["sessionAffinity"] = options.session_affinity
    return spec


def _build_transport_port(workload: Workload) -> list[Manifest]:
    """Return the port of the transport; none where nothing listens there."""
    if workload.spec.bridge is Bridge.NONE:
        return []
    port = workload.spec.transport.port
    return [_build_port(names.TRANSPORT_PORT, port, (port, "TCP"))]


def _build_port(name: str, target: int, offered: tuple[int, str]) -> Manifest:
    port, protocol = offered
    return {"name": name, "port": port, "targetPort": target, "protocol": protocol}
