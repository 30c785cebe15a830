"""One child of a workload: a full manifest, and a digest that tells it from any other."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcpworkload import names
from mcpworkload.manifest import Manifest, digest_of
from mcpworkload.models import Workload
from mcpworkload.names import ChildKind


@dataclass(frozen=True)
class Child:
    """An object that a workload should have."""

    kind: ChildKind
    name: str
    manifest: Manifest
    digest: str

    def is_applied_to(self, annotations: Mapping[str, str]) -> bool:
        """Whether an object with those annotations was last applied from this very manifest."""
        return annotations.get(names.HASH_ANNOTATION) == self.digest


def build_child(kind: ChildKind, api_version: str, workload: Workload, spec: Manifest) -> Child:
    """
    The child of *workload* with that spec.

    The digest covers the whole manifest and stands in its annotations: a field that we stop
    setting changes the digest, though the live object would still contain all that we want.
    """
    metadata: Manifest = {
        "name": workload.name,
        "namespace": workload.namespace,
        "labels": build_labels(workload),
        "annotations": dict(workload.spec.annotations),
        "ownerReferences": [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": workload.name,
                "uid": workload.uid,
                "controller": True,
                # A foreground deletion of the workload waits for its children.
                "blockOwnerDeletion": True,
            }
        ],
    }
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
    digest = digest_of(manifest)
    metadata["annotations"] = {**workload.spec.annotations, names.HASH_ANNOTATION: digest}
    return Child(kind, workload.name, manifest, digest)


def build_labels(workload: Workload) -> dict[str, str]:
    """The labels of a child or pod: the user's, and ours where both name the same key."""
    return {**workload.spec.labels, **names.common_labels(workload.name)}
