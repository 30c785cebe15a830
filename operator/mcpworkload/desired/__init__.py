"""
Turn a workload into the children it should have.

Arithmetic on dictionaries: no clock, no environment, no API. Calling twice gives equal,
independent results, so a caller may edit what it receives.
"""

from mcpworkload.desired.child import Child, build_child
from mcpworkload.desired.pod import build_pod_template
from mcpworkload.desired.service import build_service_spec
from mcpworkload.desired.statefulset import build_statefulset_spec
from mcpworkload.desired.transport import server_url
from mcpworkload.models import Workload

__all__ = ["Child", "build_children", "server_url"]


def build_children(workload: Workload) -> tuple[Child, ...]:
    """
    Every child of *workload*: the governing headless Service and the StatefulSet.

    Raises:
        InvalidSpec: a field cannot be turned into what it asks for; names its path.
    """
    template = build_pod_template(workload)
    return (
        build_child("Service", "v1", workload, build_service_spec(workload)),
        build_child("StatefulSet", "apps/v1", workload, build_statefulset_spec(workload, template)),
    )
