"""The objects that we apply, and claims that are made from them."""

import msgspec

from mcpworkload.live.metadata import Metadata


class Child(msgspec.Struct, rename="camel"):
    """
    An object that we apply; its spec is undecoded, and dropped once it has been compared.

    The last four fields are the comparison's memory: never on the wire.
    """

    metadata: Metadata
    spec: msgspec.Raw = msgspec.Raw()
    judged_for: str = ""
    difference: str = ""
    fingerprint: str = ""
    refused: str = ""


class Service(Child):
    """A Service."""


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
