"""The objects that we apply, and claims that are made from them."""

from typing import Any, ClassVar

import msgspec

from mcpworkload.kube.objects.metadata import ChildMetadata, Metadata


class Child(msgspec.Struct, rename="camel"):
    """
    An object that we apply; its content is undecoded, and dropped once it has been compared.

    From judged_for on these fields are the comparison's memory: never on the wire.
    """

    #: What it has beside its metadata, as far as we set it, by the name on the wire.
    CONTENT: ClassVar[dict[str, str]] = {"spec": "spec"}

    metadata: ChildMetadata
    spec: msgspec.Raw = msgspec.Raw()
    judged_for: str = ""
    difference: str = ""
    fingerprint: str = ""
    refused: str = ""
    #: What the first field that differs should hold, and what it holds, in words; nothing for one
    #: that is not there.
    values: tuple[str, str] = ("", "")
    is_renamed: bool = False
    #: What others added, and who did.
    additions: tuple[str, ...] = ()
    #: What others added that may not stay, in words.
    forbidden: str = ""

    def content(self) -> dict[str, Any]:
        """The decoded content, by field; what is absent is left out."""
        raw = {name: getattr(self, field) for name, field in self.CONTENT.items()}
        return {name: msgspec.json.decode(value) for name, value in raw.items() if bytes(value)}

    def drop_content(self) -> None:
        """Forget the content."""
        for field in self.CONTENT.values():
            setattr(self, field, msgspec.Raw())
        self.metadata.managed_fields = msgspec.Raw()


class Service(Child):
    """A Service."""


class ServiceAccount(Child, rename="camel"):
    """A ServiceAccount."""

    CONTENT: ClassVar[dict[str, str]] = {
        "automountServiceAccountToken": "automount_service_account_token"
    }

    automount_service_account_token: msgspec.Raw = msgspec.Raw()


class Role(Child, rename="camel"):
    """A Role."""

    CONTENT: ClassVar[dict[str, str]] = {"rules": "rules"}

    rules: msgspec.Raw = msgspec.Raw()


class RoleBinding(Child, rename="camel"):
    """A RoleBinding."""

    CONTENT: ClassVar[dict[str, str]] = {"roleRef": "role_ref", "subjects": "subjects"}

    role_ref: msgspec.Raw = msgspec.Raw()
    subjects: msgspec.Raw = msgspec.Raw()


class PodDisruptionBudget(Child):
    """A PodDisruptionBudget."""


class StatefulSetStatus(msgspec.Struct, rename="camel"):
    """How far the StatefulSet controller has come."""

    observed_generation: int = 0
    #: Pods that have been ready for minReadySeconds.
    available_replicas: int = 0
    update_revision: str = ""


# What no update of a StatefulSet's spec can change.
FIXED_FIELDS = ("podManagementPolicy", "selector", "serviceName", "volumeClaimTemplates")


class StatefulSet(Child, rename="camel"):
    """A StatefulSet, and how far its controller has come."""

    status: StatefulSetStatus = msgspec.field(default_factory=StatefulSetStatus)
    #: The fixed fields, encoded, once they were asked for; never on the wire.
    fixed: bytes = b""


class Resources(msgspec.Struct):
    """How much a claim asks for."""

    requests: dict[str, str] = {}


class ClaimSpec(msgspec.Struct, rename="camel"):
    """The part of a claim's spec that growing it depends on."""

    resources: Resources = msgspec.field(default_factory=Resources)
    storage_class_name: str = ""


class Claim(msgspec.Struct):
    """A PersistentVolumeClaim; of these, unlike of the rest, nothing is cached."""

    metadata: Metadata
    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)

    @property
    def size(self) -> str:
        """How much storage it asks for."""
        return self.spec.resources.requests.get("storage", "0")
