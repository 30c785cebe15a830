"""
Build the children that a workload should have, as manifests.

`build_draft` is the entry point: it returns the final pod template, judged by `admission`, and the
ConfigMaps and Secrets that it reads (`references`). `build_children` returns every child:
`statefulset`, `service`, `attach` (ServiceAccount, Role, RoleBinding) and `optional` build one kind
each, `child` adds owner, labels and digest. `pod` puts the template together from `container`,
`helpers`, `bridge`, `probes`, `shutdown`, `storage`, `resources`, `security` and `transport`.

Arithmetic on dictionaries: no clock, no environment, no API. Calling twice gives equal, independent
results, so a caller may edit what it receives.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mcpworkload.api.names import (
    REFERENCES_ANNOTATION,
    bridge_service_account_name,
)
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.fieldnames import name_fields
from mcpworkload.controller.admission.installation import DEFAULT_POLICY, Policy
from mcpworkload.controller.admission.policy import (
    check_template,
    describe_forbidden,
    find_forbidden,
)
from mcpworkload.controller.admission.portnames import check_port_names
from mcpworkload.controller.admission.template_patch import apply_template_patch
from mcpworkload.controller.admission.view import Finding
from mcpworkload.controller.children import (
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
)
from mcpworkload.controller.desired.attach import (
    build_role,
    build_role_binding,
    build_service_account,
)
from mcpworkload.controller.desired.bridge import check_bridge
from mcpworkload.controller.desired.child import Child, build_child
from mcpworkload.controller.desired.optional import build_optional
from mcpworkload.controller.desired.pod import build_pod_template
from mcpworkload.controller.desired.references import find_references
from mcpworkload.controller.desired.service import (
    build_service_spec,
    check_service,
)
from mcpworkload.controller.desired.statefulset import build_statefulset_spec
from mcpworkload.controller.desired.transport import server_url
from mcpworkload.controller.references import Reference
from mcpworkload.kube.manifest import Manifest

__all__ = [
    "DEFAULT_POLICY",
    "Child",
    "Draft",
    "Finding",
    "Policy",
    "build_children",
    "build_draft",
    "describe_forbidden",
    "find_forbidden",
    "name_fields",
    "server_url",
]


@dataclass(frozen=True)
class Draft:
    """A pod template that passed admission, and the objects that must exist for it to run."""

    template: Manifest
    references: tuple[Reference, ...]

    def with_digest(self, digest: str | None) -> Manifest:
        """Return the template that rolls the pods when *digest* changes; None changes nothing."""
        if digest is None:
            return self.template
        metadata = self.template["metadata"]
        annotations = {**(metadata.get("annotations") or {}), REFERENCES_ANNOTATION: digest}
        return {**self.template, "metadata": {**metadata, "annotations": annotations}}


def build_draft(workload: Workload, policy: Policy = DEFAULT_POLICY) -> Draft:
    """
    Return the final pod template of *workload*, independent of the content of its references.

    Raises:
        InvalidSpec: a field cannot be turned into what it asks for; names its path.
        PatchRejected: an operation of the template patch fails; names it.
        PolicyDenied: the pods are not what *policy* allows; names each path in the template.
            Or there is no bridge that *policy* has for them.
    """
    check_bridge(workload, policy)
    check_service(workload, policy)
    built = build_pod_template(workload, policy)
    operations = workload.spec.pod_template_patch
    template = apply_template_patch(built, operations)
    check_template(template, built, operations, policy, workload.spec)
    check_port_names(template, workload.spec)
    return Draft(template, find_references(template, built, workload.spec))


def build_children(
    workload: Workload, policy: Policy = DEFAULT_POLICY, template: Manifest | None = None
) -> tuple[Child, ...]:
    """
    Return every child of *workload*, the governing headless Service and the StatefulSet first.

    *template* is that of the pods; None for what `build_draft` returns under *policy*.

    Raises:
        Refusal: without *template*: as `build_draft`.
    """
    if template is None:
        template = build_draft(workload, policy).template
    service = {"spec": build_service_spec(workload)}
    statefulset = {"spec": build_statefulset_spec(workload, template)}
    return (
        build_child(SERVICE.named(workload.name), workload, service, policy=policy),
        build_child(STATEFUL_SET.named(workload.name), workload, statefulset),
        *build_optional(workload, policy),
        *_build_service_account(workload),
    )


def _build_service_account(workload: Workload) -> Iterator[Child]:
    """Yield the ServiceAccount of pods whose bridge attaches, and its rights."""
    if workload.spec.bridge is Bridge.ATTACH:
        name = bridge_service_account_name(workload.name)
        yield build_child(SERVICE_ACCOUNT.named(name), workload, build_service_account())
        yield build_child(ROLE.named(name), workload, build_role(workload))
        yield build_child(ROLE_BINDING.named(name), workload, build_role_binding(workload))
