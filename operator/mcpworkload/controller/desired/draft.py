"""The draft of a workload's pod template: final, but for the digest of what its pods read."""

from dataclasses import dataclass

from mcpworkload.api.names import REFERENCES_ANNOTATION
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import DEFAULT_POLICY, Policy
from mcpworkload.controller.admission.policy import check_template
from mcpworkload.controller.admission.portnames import check_port_names
from mcpworkload.controller.admission.template_patch import apply_template_patch
from mcpworkload.controller.admission.view import PodTemplate
from mcpworkload.controller.desired.bridge import check_bridge
from mcpworkload.controller.desired.gate import check_gate
from mcpworkload.controller.desired.grants import (
    NO_GRANTS,
    UNKNOWN_SURROUNDINGS,
    Grants,
    Surroundings,
    resolve_grants,
)
from mcpworkload.controller.desired.pod import build_pod_template
from mcpworkload.controller.desired.profile import check_profile
from mcpworkload.controller.desired.references import find_references
from mcpworkload.controller.desired.service import check_service
from mcpworkload.controller.references import Reference
from mcpworkload.kube.manifest import Manifest


@dataclass(frozen=True)
class Draft:
    """A pod template that may run, and what has to be there for it to run."""

    template: Manifest
    references: tuple[Reference, ...]
    grants: Grants = NO_GRANTS

    def with_digest(self, digest: str | None) -> Manifest:
        """Return the template that rolls the pods when *digest* changes; None is no digest."""
        if digest is None:
            return self.template
        metadata = self.template["metadata"]
        annotations = {**(metadata.get("annotations") or {}), REFERENCES_ANNOTATION: digest}
        return {**self.template, "metadata": {**metadata, "annotations": annotations}}


def build_draft(
    workload: Workload,
    policy: Policy = DEFAULT_POLICY,
    surroundings: Surroundings = UNKNOWN_SURROUNDINGS,
) -> Draft:
    """
    Return the final pod template of *workload*, whatever its references hold.

    Raises:
        InvalidSpec: a field cannot be turned into what it asks for; names its path.
        PatchRejected: an operation of the template patch fails; names it.
        PolicyDenied: the pods are not what *policy* allows; names each path in the template.
            Or there is no bridge or egress proxy that *policy* has for them.
        ReferenceNotFound: the permission profile's ConfigMap or key is missing.
    """
    check_bridge(workload, policy)
    check_service(workload, policy)
    grants = resolve_grants(workload, policy, surroundings)
    if grants.isolation is not None:
        check_gate(policy)
    check_profile(workload, grants.permissions, policy)
    built = build_pod_template(workload, policy, grants)
    operations = workload.spec.pod_template_patch
    template = apply_template_patch(built, operations)
    pod = check_template(template, built, operations, policy, workload.spec)
    if (level := surroundings.pod_security) is not None:
        check_template(template, built, operations, policy.of_namespace(level), workload.spec)
    check_port_names(pod, template, workload.spec)
    before = pod if template is built else PodTemplate(built)
    return Draft(template, find_references(pod, before, workload.spec), grants)
