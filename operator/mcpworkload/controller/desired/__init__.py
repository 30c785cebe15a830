"""
Build the children that a workload should have, as manifests.

`build_draft` is the entry point: it returns the final pod template, judged by `admission`, and the
ConfigMaps and Secrets that it reads (`references`). `build_children` returns every child:
`statefulset`, `service`, `attach` (ServiceAccount, Role, RoleBinding), `isolation`
(NetworkPolicies), `egress` (the proxy, with the configuration of `squid`) and `optional` build
them, `child` adds owner, labels and digest. `grants` resolves the permission profile, which
`profile` turns into volumes and rights and `isolated_pod` into a gate and variables. `pod` puts the
template together from `container`, `helpers`, `bridge`, `probes`, `shutdown`, `storage`,
`resources`, `security` and `transport`. `check` says how the servers are verified.

Arithmetic on dictionaries: no clock, no environment, no API. Calling twice gives equal, independent
results, so a caller may edit what it receives.
"""

from collections.abc import Iterator

from mcpworkload.api.names import bridge_service_account_name
from mcpworkload.api.stdio import Bridge
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.fieldnames import name_fields
from mcpworkload.controller.admission.installation import DEFAULT_POLICY, Policy
from mcpworkload.controller.admission.policy import (
    describe_forbidden,
    find_forbidden,
)
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
from mcpworkload.controller.desired.check import Check, build_check
from mcpworkload.controller.desired.child import Child, build_child
from mcpworkload.controller.desired.draft import Draft, build_draft
from mcpworkload.controller.desired.egress import build_proxy
from mcpworkload.controller.desired.grants import (
    NO_GRANTS,
    UNKNOWN_SURROUNDINGS,
    Grants,
    Isolation,
    Surroundings,
)
from mcpworkload.controller.desired.isolation import build_policies
from mcpworkload.controller.desired.optional import build_optional
from mcpworkload.controller.desired.profile import meaningless_options
from mcpworkload.controller.desired.service import build_service_spec
from mcpworkload.controller.desired.statefulset import build_statefulset_spec
from mcpworkload.controller.desired.transport import server_url
from mcpworkload.kube.manifest import Manifest

__all__ = [
    "DEFAULT_POLICY",
    "NO_GRANTS",
    "UNKNOWN_SURROUNDINGS",
    "Check",
    "Child",
    "Draft",
    "Finding",
    "Grants",
    "Isolation",
    "Policy",
    "Surroundings",
    "build_check",
    "build_children",
    "build_draft",
    "describe_forbidden",
    "find_forbidden",
    "meaningless_options",
    "name_fields",
    "server_url",
]


def build_children(
    workload: Workload,
    policy: Policy = DEFAULT_POLICY,
    template: Manifest | None = None,
    grants: Grants = NO_GRANTS,
) -> tuple[Child, ...]:
    """
    Return every child of *workload*, the governing headless Service and the StatefulSet first.

    *template* is that of the pods, made with *grants*; None for what `build_draft` returns under
    *policy*. While the egress proxy has no address yet, which the template names, there is no
    StatefulSet.

    Raises:
        Refusal: without *template*: as `build_draft`.
    """
    if template is None:
        draft = build_draft(workload, policy)
        template, grants = draft.template, draft.grants
    service = {"spec": build_service_spec(workload)}
    return (
        build_child(SERVICE.named(workload.name), workload, service, policy=policy),
        *_build_statefulset(workload, template, grants),
        *build_optional(workload, policy),
        *_build_service_account(workload),
        *_build_isolation(workload, policy, grants),
    )


def _build_statefulset(workload: Workload, template: Manifest, grants: Grants) -> Iterator[Child]:
    if grants.isolation is None or not grants.isolation.awaits_proxy:
        spec = build_statefulset_spec(workload, template)
        yield build_child(STATEFUL_SET.named(workload.name), workload, {"spec": spec})


def _build_isolation(workload: Workload, policy: Policy, grants: Grants) -> Iterator[Child]:
    """Yield what allows traffic of isolated pods, and their egress proxy."""
    if grants.isolation is not None:
        yield from build_policies(workload, grants.isolation, policy)
        if grants.isolation.outbound.needs_proxy:
            yield from build_proxy(workload, grants.isolation, policy)


def _build_service_account(workload: Workload) -> Iterator[Child]:
    """Yield the ServiceAccount of pods whose bridge attaches, and its rights."""
    if workload.spec.bridge is Bridge.ATTACH:
        name = bridge_service_account_name(workload.name)
        yield build_child(SERVICE_ACCOUNT.named(name), workload, build_service_account())
        yield build_child(ROLE.named(name), workload, build_role(workload))
        yield build_child(ROLE_BINDING.named(name), workload, build_role_binding(workload))
