"""
Turn a workload into the children it should have.

Arithmetic on dictionaries: no clock, no environment, no API. Calling twice gives equal,
independent results, so a caller may edit what it receives.
"""

from mcpworkload.desired.child import Child, Manifest, build_child
from mcpworkload.desired.pod import build_pod_template
from mcpworkload.desired.policy import DEFAULT_POLICY, Policy, check_template
from mcpworkload.desired.service import build_service_spec
from mcpworkload.desired.statefulset import build_statefulset_spec
from mcpworkload.desired.template_patch import apply_template_patch
from mcpworkload.desired.transport import server_url
from mcpworkload.models import Workload

__all__ = ["DEFAULT_POLICY", "Child", "Manifest", "Policy", "build_children", "server_url"]


def build_children(workload: Workload, policy: Policy = DEFAULT_POLICY) -> tuple[Child, ...]:
    """
    Every child of *workload*: the governing headless Service and the StatefulSet.

    Raises:
        InvalidSpec: a field cannot be turned into what it asks for; names its path.
        PatchRejected: an operation of the template patch fails; names it.
        PolicyDenied: the pods are not what *policy* allows; names each path in the template.
    """
    built = build_pod_template(workload)
    operations = workload.spec.pod_template_patch
    template = apply_template_patch(built, operations)
    check_template(template, built, operations, policy)
    return (
        build_child("Service", "v1", workload, build_service_spec(workload)),
        build_child("StatefulSet", "apps/v1", workload, build_statefulset_spec(workload, template)),
    )
