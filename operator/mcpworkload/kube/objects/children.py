"""The objects that the operator applies, and claims that are made from them."""

from typing import Any, ClassVar, Self, cast

import msgspec

from mcpworkload.kube.objects.metadata import NOTHING, ChildMetadata, Metadata


class _ServiceSpec(msgspec.Struct):
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


class LiveChild(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """
    An applied object as the API server stores it; its content is undecoded.

    Frozen: once compared, the copy `without_content` is kept, a fraction of the size.
    """

    #: What it has beside its metadata, as far as we set it, by the name on the wire.
    CONTENT: ClassVar[dict[str, str]] = {"spec": "spec"}

    metadata: ChildMetadata
    spec: msgspec.Raw = NOTHING

    def content(self) -> dict[str, Any]:
        """Return the decoded content, by field; what is absent is left out."""
        raw = {name: getattr(self, field) for name, field in self.CONTENT.items()}
        return {name: msgspec.json.decode(value) for name, value in raw.items() if bytes(value)}

    @property
    def has_content(self) -> bool:
        """True if there is anything that `without_content` leaves out."""
        parts = (getattr(self, field) for field in self.CONTENT.values())
        return any(bytes(part) for part in (*parts, self.metadata.managed_fields))

    def without_content(self) -> Self:
        """Return a copy that takes no memory for content and managed fields."""
        metadata = msgspec.structs.replace(self.metadata, managed_fields=NOTHING)
        empty = dict.fromkeys(self.CONTENT.values(), NOTHING)
        return msgspec.structs.replace(self, metadata=metadata, **empty)


class Service(LiveChild, rename="camel", frozen=True):
    """A Service, and the address that it was given."""

    #: Where the content is left out; never on the wire.
    kept_address: str = ""

    @property
    def address(self) -> str:
        """The cluster IP; empty while there is none, and of a headless Service."""
        if not bytes(self.spec):
            return self.kept_address
        found = msgspec.json.decode(self.spec, type=_ServiceSpec).cluster_ip
        return "" if found == "None" else found

    def without_content(self) -> Self:
        """Return a copy that keeps of its content the address alone."""
        return msgspec.structs.replace(super().without_content(), kept_address=self.address)


class NetworkPolicy(LiveChild, frozen=True):
    """A NetworkPolicy."""


class DeploymentStatus(msgspec.Struct, rename="camel", omit_defaults=True):
    """The progress of the Deployment controller."""

    observed_generation: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0


class Deployment(LiveChild, frozen=True):
    """A Deployment, with the progress of its controller."""

    status: DeploymentStatus = msgspec.field(default_factory=DeploymentStatus)

    @property
    def is_current(self) -> bool:
        """True if a pod of the newest template serves."""
        status = self.status
        is_seen = status.observed_generation >= self.metadata.generation
        return is_seen and min(status.updated_replicas, status.available_replicas) > 0


class ServiceAccount(LiveChild, rename="camel", frozen=True):
    """A ServiceAccount."""

    CONTENT: ClassVar[dict[str, str]] = {
        "automountServiceAccountToken": "automount_service_account_token"
    }

    automount_service_account_token: msgspec.Raw = NOTHING


class Role(LiveChild, rename="camel", frozen=True):
    """A Role."""

    CONTENT: ClassVar[dict[str, str]] = {"rules": "rules"}

    rules: msgspec.Raw = NOTHING


class RoleBinding(LiveChild, rename="camel", frozen=True):
    """A RoleBinding."""

    CONTENT: ClassVar[dict[str, str]] = {"roleRef": "role_ref", "subjects": "subjects"}

    role_ref: msgspec.Raw = NOTHING
    subjects: msgspec.Raw = NOTHING


class PodDisruptionBudget(LiveChild, frozen=True):
    """A PodDisruptionBudget."""


class StatefulSetStatus(msgspec.Struct, rename="camel", omit_defaults=True):
    """The progress of the StatefulSet controller."""

    observed_generation: int = 0
    #: Pods that have been ready for minReadySeconds.
    available_replicas: int = 0
    update_revision: str = ""


# What no update of a StatefulSet's spec can change.
FIXED_FIELDS = ("podManagementPolicy", "selector", "serviceName", "volumeClaimTemplates")


class StatefulSet(LiveChild, rename="camel", frozen=True):
    """A StatefulSet, with the progress of its controller."""

    status: StatefulSetStatus = msgspec.field(default_factory=StatefulSetStatus)
    #: The fixed fields, encoded, where the content is left out; never on the wire.
    fixed: msgspec.Raw = NOTHING

    def fixed_fields(self) -> dict[str, Any]:
        """
        Return what no update can change of the spec.

        The next spec is compared with it even where the content is left out.
        """
        return cast("dict[str, Any]", msgspec.json.decode(self._encode_fixed()))

    def without_content(self) -> Self:
        """Return a copy that keeps of its content the fixed fields alone."""
        return msgspec.structs.replace(super().without_content(), fixed=self._encode_fixed())

    def _encode_fixed(self) -> msgspec.Raw:
        if bytes(self.fixed):
            return self.fixed
        spec = msgspec.json.decode(self.spec or b"{}")
        fixed = {key: spec[key] for key in FIXED_FIELDS if key in spec}
        return msgspec.Raw(msgspec.json.encode(fixed))


class Resources(msgspec.Struct):
    """The storage that a claim asks for."""

    requests: dict[str, str] = {}


class ClaimSpec(msgspec.Struct, rename="camel"):
    """The part of a claim's spec that growing it depends on."""

    resources: Resources = msgspec.field(default_factory=Resources)
    storage_class_name: str = ""


class Claim(msgspec.Struct):
    """A PersistentVolumeClaim; unlike the other kinds, claims are not cached."""

    metadata: Metadata
    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)

    @property
    def size(self) -> str:
        """The amount of storage that the claim asks for."""
        return self.spec.resources.requests.get("storage", "0")
