"""Build volumes, mounts and claims: the user's, and a writable scratch directory of ours."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.kube.manifest import Manifest

SCRATCH = "/tmp"  # noqa: S108 - a path inside the container


def build_volumes(spec: WorkloadSpec) -> list[Manifest]:
    """Return the pods' volumes; one of the user's with our name takes the place of ours."""
    given: list[dict[str, Any]] = deepcopy(spec.volumes)
    taken = {volume["name"] for volume in given}
    taken |= {claim.metadata.name for claim in spec.volume_claim_templates}
    # Ours stays where the server has another /tmp: a sidecar may mount it.
    ours = [] if names.SCRATCH_VOLUME in taken else [{"name": names.SCRATCH_VOLUME, "emptyDir": {}}]
    return [*ours, *given]


def build_mounts(spec: WorkloadSpec, of_profile: Iterable[Manifest] = ()) -> list[Manifest]:
    """Return the server's mounts; one of the user's at our path takes the place of ours."""
    given: list[dict[str, Any]] = [*deepcopy(spec.volume_mounts), *of_profile]
    is_taken = any(str(mount.get("mountPath")).rstrip("/") == SCRATCH for mount in given)
    ours = [] if is_taken else [{"name": names.SCRATCH_VOLUME, "mountPath": SCRATCH}]
    return [*ours, *given]


def build_claim_templates(spec: WorkloadSpec) -> list[Manifest]:
    """
    Return the claim templates, in the order of their names.

    They are immutable in a StatefulSet, so neither the order in which they are written nor the
    workload's labels may reach them.
    """
    claims = sorted(spec.volume_claim_templates, key=lambda claim: claim.metadata.name)
    return [
        {
            "metadata": claim.metadata.model_dump(by_alias=True, exclude_unset=True),
            "spec": deepcopy(claim.spec),
        }
        for claim in claims
    ]


def build_retention(spec: WorkloadSpec) -> Manifest:
    """
    Return what the StatefulSet controller does with the claims.

    A stopped workload keeps them all: its StatefulSet is scaled to 0, and with Delete the claims
    would go within seconds.
    """
    retention = spec.volume_retention
    when_scaled = "Retain" if spec.is_stopped else retention.when_scaled
    return {
        "whenDeleted": retention.when_deleted or "Retain",
        "whenScaled": when_scaled or "Retain",
    }
