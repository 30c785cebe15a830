"""The governing headless Service: a DNS name for each pod and one for all that are ready."""

from mcpworkload import names
from mcpworkload.manifest import Manifest
from mcpworkload.models import Workload


def build_service_spec(workload: Workload) -> Manifest:
    """The spec of the governing Service; unready pods get no address."""
    port = workload.spec.transport.port
    return {
        "type": "ClusterIP",
        "clusterIP": "None",
        "selector": names.selector_labels(workload.name),
        "ports": [
            # A headless Service translates nothing: both ports are the container's.
            {"name": names.TRANSPORT_PORT, "port": port, "targetPort": port, "protocol": "TCP"}
        ],
    }
