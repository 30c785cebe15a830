"""Which children carry what the user wrote for labels and annotations, and who may forbid it."""

from dataclasses import replace
from typing import Any

import pytest

from mcpworkload.api import names
from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.controller.children import CHILD_TYPES
from mcpworkload.controller.desired import build_draft
from mcpworkload.kube.manifest import Manifest
from tests.support.bridged import POLICY, attach, children, inject
from tests.support.parsed import make_workload

LABELS = {"azure.workload.identity/use": "true", "team": "sky"}
ANNOTATIONS = {
    "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/admin",
    "iam.gke.io/gcp-service-account": "admin@project.iam",
    "external-dns.alpha.kubernetes.io/hostname": "bank.example",
    "rbac.authorization.kubernetes.io/autoupdate": "true",
}
#: A workload of which there is a child of every kind, and two Services beside the governing one.
ALL_KINDS: dict[str, Any] = attach(
    labels=LABELS,
    annotations=ANNOTATIONS,
    service={"type": "ClusterIP", "headlessAlias": "alias"},
    disruptionBudget={"minAvailable": 1},
)
#: An isolated one with a proxy, which no bridge attaches to.
ISOLATED: dict[str, Any] = inject(
    labels=LABELS,
    annotations=ANNOTATIONS,
    isolateNetwork=True,
    permissionProfile={"network": {"outbound": {"allowPort": [443]}}},
)
UNEXPOSED = replace(POLICY, is_exposure_allowed=False)
# Whatever else an object does: rights come from these.
RIGHTS = {"Role", "RoleBinding", "ServiceAccount"}


def metadata_of(manifest: Manifest) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations that are not the operator's."""
    found = manifest["metadata"]
    ours = names.common_labels("weather")
    labels = {key: value for key, value in found["labels"].items() if key not in ours}
    annotations = dict(found["annotations"])
    del annotations[names.HASH_ANNOTATION]
    return labels, annotations


def test_rights_carry_nothing_of_the_users() -> None:
    """To clouds an annotation of an account is a right; all other children carry both."""
    built = children(ALL_KINDS) | children(ISOLATED)

    assert {manifest["kind"] for manifest in built.values()} == set(CHILD_TYPES)
    for name, manifest in built.items():
        expected = ({}, {}) if manifest["kind"] in RIGHTS else (LABELS, ANNOTATIONS)
        assert metadata_of(manifest) == expected, name
        assert names.common_labels("weather").items() <= manifest["metadata"]["labels"].items()


def test_every_kind_of_child_has_chosen() -> None:
    """One that is added to the kinds and not to the choice would fail at its first workload."""
    assert {kind for kind, each in CHILD_TYPES.items() if not each.takes_metadata} == RIGHTS


def test_the_pods_keep_what_their_service_account_does_not_get() -> None:
    """Labels and annotations of pods are what they are for."""
    metadata = build_draft(make_workload(**ALL_KINDS), POLICY).template["metadata"]

    assert LABELS.items() <= metadata["labels"].items()
    assert metadata["annotations"] == ANNOTATIONS


@pytest.mark.parametrize(
    ("service", "message"),
    [
        pytest.param(
            {"type": "LoadBalancer"},
            'spec.service.type: found "LoadBalancer"; write ClusterIP, or leave it out: this '
            "installation forbids it (MCPWORKLOAD_EXPOSURE is denied)",
            id="a load balancer",
        ),
        pytest.param(
            {"type": "ClusterIP", "annotations": {"b": "SECRET", "a": "SECRET"}},
            "spec.service.annotations: found a, b; leave them out: this installation forbids it "
            "(MCPWORKLOAD_EXPOSURE is denied)",
            id="annotations",
        ),
    ],
)
def test_an_installation_may_forbid_exposure(service: dict[str, Any], message: str) -> None:
    """The field, what was found, the setting; by default both are allowed."""
    workload = make_workload(service=service)
    build_draft(workload)

    with pytest.raises(PolicyDenied) as denied:
        build_draft(workload, UNEXPOSED)

    assert str(denied.value) == message


def test_without_exposure_no_service_has_annotations_of_the_spec() -> None:
    """By those of the workload a name would be made of the headless Services just as well."""
    for name, manifest in children(ALL_KINDS, UNEXPOSED).items():
        is_bare = manifest["kind"] in {*RIGHTS, "Service"}
        expected = ({} if manifest["kind"] in RIGHTS else LABELS, {} if is_bare else ANNOTATIONS)
        assert metadata_of(manifest) == expected, name
