"""A child of a workload: a full manifest, and a digest that identifies its content."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcpworkload.api import names
from mcpworkload.api.names import ChildId, ChildKind
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import DEFAULT_POLICY, Policy
from mcpworkload.controller.children import CHILD_TYPES
from mcpworkload.kube.manifest import Manifest, digest_of


@dataclass(frozen=True)
class Child:
    """An object that a workload should have."""

    id: ChildId
    manifest: Manifest
    digest: str

    @property
    def content(self) -> Manifest:
        """The parts of the manifest beside its metadata, by field."""
        head = ("apiVersion", "kind", "metadata")
        return {field: value for field, value in self.manifest.items() if field not in head}

    @property
    def workload(self) -> str:
        """The name of the workload that should have it."""
        name: str = self.manifest["metadata"]["ownerReferences"][0]["name"]
        return name

    def is_applied_to(self, annotations: Mapping[str, str]) -> bool:
        """Return whether an object with those annotations was last applied from this manifest."""
        return annotations.get(names.HASH_ANNOTATION) == self.digest


def build_child(
    child_id: ChildId,
    workload: Workload,
    content: Manifest,
    annotations: Mapping[str, str] | None = None,
    policy: Policy = DEFAULT_POLICY,
) -> Child:
    """
    Return the child of *workload* with that content.

    *content* is what it has beside its metadata: a spec, mostly. *annotations* win over the user's
    common ones.

    The digest covers the whole manifest and is in its annotations: a field that the operator stops
    setting changes the digest, though the live object would still contain all that is wanted.
    """
    annotations = {**_common_annotations(child_id.kind, workload, policy), **(annotations or {})}
    takes_labels = CHILD_TYPES[child_id.kind].takes_metadata
    metadata: Manifest = {
        "name": child_id.name,
        "namespace": workload.namespace,
        "labels": build_labels(workload) if takes_labels else names.common_labels(workload.name),
        "annotations": annotations,
        "ownerReferences": [_owner(workload)],
    }
    manifest = {
        "apiVersion": CHILD_TYPES[child_id.kind].api_version,
        "kind": child_id.kind,
        "metadata": metadata,
        **content,
    }
    digest = digest_of(manifest)
    metadata["annotations"] = {**annotations, names.HASH_ANNOTATION: digest}
    return Child(child_id, manifest, digest)


def _common_annotations(kind: ChildKind, workload: Workload, policy: Policy) -> Mapping[str, str]:
    """Return the annotations of the spec that a child of that kind has."""
    is_exposing = kind == "Service" and not policy.is_exposure_allowed
    return workload.spec.annotations if CHILD_TYPES[kind].takes_metadata and not is_exposing else {}


def _owner(workload: Workload) -> Manifest:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": workload.name,
        "uid": workload.uid,
        "controller": True,
        # A foreground deletion of the workload waits for its children.
        "blockOwnerDeletion": True,
    }


def build_labels(workload: Workload) -> dict[str, str]:
    """Return the labels of a child or pod: the user's, and ours where both have the same key."""
    return {**workload.spec.labels, **names.common_labels(workload.name)}
