"""The fields of a spec about storage: volumes, mounts, claims, and when claims are deleted."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mcpworkload.api import rules
from mcpworkload.api.base import Embedded, Model, Rule, refusal, transition_rule
from mcpworkload.api.names import BRIDGE, BRIDGE_TOKEN, PROFILE_VOLUME_PREFIX

Retention = Literal["Retain", "Delete"]

MAX_VOLUMES = 64
MAX_CLAIMS = 8
_MAX_KEYS = 16
_VOLUME_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_VOLUME_NAME_MAX_LENGTH = 63

LabelValue = Annotated[
    str, Field(max_length=rules.LABEL_VALUE_MAX_LENGTH, pattern=rules.LABEL_VALUE_PATTERN)
]


class ClaimMetadata(Model):
    """The name, labels and annotations of a claim."""

    name: str = Field(
        max_length=_VOLUME_NAME_MAX_LENGTH,
        pattern=_VOLUME_NAME,
        description="The volume's name, for volumeMounts; a pod's claim is NAME-POD. Required.",
    )
    labels: Annotated[
        dict[str, LabelValue], Field(max_length=_MAX_KEYS), rules.LABEL_KEYS, rules.OWN_KEYS
    ] = Field(default_factory=dict, description="Labels for the claims.")
    annotations: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]],
        Field(max_length=_MAX_KEYS),
        rules.ANNOTATION_KEYS,
        rules.OWN_KEYS,
    ] = Field(default_factory=dict, description="Annotations for the claims.")


# Kubernetes finds such mistakes when it makes the first claim, far from whoever made them; and
# rules that compare claims need to know how long their parts can get.
_NAME = {"maxLength": 253}
_REFERENCE = {"properties": dict.fromkeys(("apiGroup", "kind", "name"), _NAME)}
_SELECTOR = {
    "properties": {
        "matchLabels": {"maxProperties": 16, "additionalProperties": {"maxLength": 63}},
        "matchExpressions": {
            "maxItems": 16,
            "items": {
                "properties": {
                    "key": _NAME,
                    "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
                    "values": {"maxItems": 16, "items": {"maxLength": 63}},
                }
            },
        },
    }
}
# A claim has one resource, storage.
_AMOUNT = {"maxProperties": 1, "additionalProperties": {"maxLength": 32}}
_CLAIM_OVERLAY: dict[str, Any] = {
    "required": ["accessModes", "resources"],
    "properties": {
        "accessModes": {
            "minItems": 1,
            "maxItems": 4,
            "items": {
                "enum": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]
            },
        },
        "dataSource": _REFERENCE,
        "dataSourceRef": {"properties": {**_REFERENCE["properties"], "namespace": _NAME}},
        "resources": {
            "required": ["requests"],
            "properties": {
                "limits": _AMOUNT,
                "requests": _AMOUNT,
            },
            "x-kubernetes-validations": [
                {
                    "rule": "'storage' in self.requests",
                    "message": "write resources.requests.storage, such as 1Gi",
                }
            ],
        },
        "selector": _SELECTOR,
        "storageClassName": _NAME,
        "volumeAttributesClassName": _NAME,
        "volumeMode": {"enum": ["Filesystem", "Block"]},
        "volumeName": _NAME,
    },
}


def _check_claim(spec: dict[str, Any]) -> dict[str, Any]:
    """Accept a claim with access modes and a size; the CRD's structure agrees."""
    if not spec.get("accessModes"):
        raise refusal("write accessModes, such as [ReadWriteOnce]")
    requests = (spec.get("resources") or {}).get("requests") or {}
    if "storage" not in requests:
        raise refusal("write resources.requests.storage, such as 1Gi")
    return spec


class ClaimTemplate(Model):
    """The template of each pod's own volume."""

    metadata: ClaimMetadata = Field(description="Name, labels and annotations. Required.")
    spec: Annotated[
        dict[str, Any],
        AfterValidator(_check_claim),
        Embedded("PersistentVolumeClaimSpec", _CLAIM_OVERLAY),
    ] = Field(description="The claim's size, access modes and class. Required.")


def _claim_names(claims: tuple[ClaimTemplate, ...]) -> list[str]:
    return [claim.metadata.name for claim in claims]


_CLAIMS_ONCE = Rule(
    message="give each entry another metadata.name",
    cel="self.all(c, self.exists_one(other, other.metadata.name == c.metadata.name))",
    holds=lambda claims: len(set(_claim_names(claims))) == len(claims),
)


def _is_ours(name: object) -> bool:
    return name in (BRIDGE, BRIDGE_TOKEN) or str(name).startswith(PROFILE_VOLUME_PREFIX)


def _cel_is_ours(name: str) -> str:
    return (
        f"({name} in ['{BRIDGE}', '{BRIDGE_TOKEN}'] "
        f"|| {name}.startsWith('{PROFILE_VOLUME_PREFIX}'))"
    )


_OURS_TEXT = (
    f"another name than {BRIDGE} and {BRIDGE_TOKEN}, which are the bridge's, and than one that "
    f"begins with {PROFILE_VOLUME_PREFIX}, as those of permission profiles do"
)
_NOT_OURS = Rule(
    message=f"give the volume {_OURS_TEXT}",
    cel=f"self.all(volume, !{_cel_is_ours('volume.name')})",
    holds=lambda volumes: not any(_is_ours(volume.get("name")) for volume in volumes),
)
_NO_CLAIM_OURS = Rule(
    message=f"give the claim {_OURS_TEXT}",
    cel=f"self.all(claim, !{_cel_is_ours('claim.metadata.name')})",
    holds=lambda claims: not any(_is_ours(name) for name in _claim_names(claims)),
)
VOLUME_OR_CLAIM = Rule(
    message="give the claim another name than those in volumes: a pod has one volume of a name",
    cel=(
        "!has(self.volumes) || !has(self.volumeClaimTemplates) || self.volumeClaimTemplates.all("
        "c, !self.volumes.exists(volume, volume.name == c.metadata.name))"
    ),
    holds=lambda spec: (
        not (
            set(_claim_names(spec.volume_claim_templates))
            & {volume.get("name") for volume in spec.volumes}
        )
    ),
    field_path=".volumeClaimTemplates",
)

# Compared one by one, because everything else in resources has to stay and one field may grow.
_FIXED_FIELDS = (
    "accessModes",
    "dataSource",
    "dataSourceRef",
    "resources.limits",
    "selector",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
    "volumeName",
)
_SAME_FIELDS = " && ".join(
    f"has(old.spec.{field}) == has(c.spec.{field}) "
    f"&& (!has(c.spec.{field}) || old.spec.{field} == c.spec.{field})"
    for field in _FIXED_FIELDS
)
# That a request does not shrink is for the operator to see, who knows how large the claims are:
# a growth that was refused has to be taken back, and seen from here that is a shrink.
CLAIMS_STAY = transition_rule(
    message=(
        "leave the claim templates as they were: the claims of existing pods are made from them; "
        "only spec.resources.requests.storage may grow"
    ),
    cel=(
        "has(self.volumeClaimTemplates) == has(oldSelf.volumeClaimTemplates) "
        "&& (!has(self.volumeClaimTemplates) || ("
        "self.volumeClaimTemplates.size() == oldSelf.volumeClaimTemplates.size() "
        "&& self.volumeClaimTemplates.all(c, oldSelf.volumeClaimTemplates.exists(old, "
        f"old.metadata == c.metadata && {_SAME_FIELDS}))))"
    ),
    field_path=".volumeClaimTemplates",
)


class VolumeRetention(Model):
    """The rule by which claims made from volumeClaimTemplates are kept or deleted."""

    when_deleted: Retention | None = Field(
        default=None,
        description="When the workload is deleted: Retain or Delete. Left out: Retain.",
    )
    when_scaled: Retention | None = Field(
        default=None,
        description=(
            "When a pod is scaled away: Retain or Delete; stopping is not scaling. Left out: "
            "Retain."
        ),
    )


def _check_volumes(volumes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accept *volumes* if each has a name and none has another's; the CRD agrees."""
    names = [volume.get("name") for volume in volumes]
    if not all(isinstance(name, str) and name for name in names):
        raise refusal("give each entry a name")
    repeated = sorted({str(name) for name in names if names.count(name) > 1})
    if repeated:
        raise refusal(f"write {repeated[0]} once")
    return volumes


class StorageFields(Model):
    """The fields of a spec that are about storage."""

    volumes: Annotated[
        list[dict[str, Any]],
        Field(max_length=MAX_VOLUMES),
        AfterValidator(_check_volumes),
        _NOT_OURS,
        Embedded(
            "PodSpec.volumes",
            {
                "maxItems": MAX_VOLUMES,
                "items": {"properties": {"name": {"maxLength": _VOLUME_NAME_MAX_LENGTH}}},
            },
        ),
    ] = Field(
        default_factory=list,
        description=(
            "Volumes of the pods, for volumeMounts and the mounts of sidecars. One called tmp "
            "takes the place of the operator's."
        ),
    )
    volume_mounts: Annotated[list[dict[str, Any]], Embedded("Container.volumeMounts")] = Field(
        default_factory=list,
        description=(
            "Where the server finds the volumes. Its /tmp is writable unless something else is "
            "mounted there."
        ),
    )
    volume_claim_templates: Annotated[
        tuple[ClaimTemplate, ...],
        Field(strict=False, max_length=MAX_CLAIMS),
        _CLAIMS_ONCE,
        _NO_CLAIM_OURS,
    ] = Field(
        default=(),
        description=(
            "Volumes that each pod has for itself and finds again when it is replaced. Fixed "
            "once written, except that a storage request may grow: the claims that there are "
            "grow with it where their StorageClass allows that, and the pods stay."
        ),
    )
    volume_retention: VolumeRetention = Field(
        default_factory=VolumeRetention,
        description="What becomes of the claims made from volumeClaimTemplates.",
    )
