"""What lists and watches deliver."""

from typing import Generic, TypeVar

import msgspec

from mcpworkload.kube.objects.children import (
    Claim,
    PodDisruptionBudget,
    Role,
    RoleBinding,
    Service,
    ServiceAccount,
    StatefulSet,
)
from mcpworkload.kube.objects.events import Event
from mcpworkload.kube.objects.metadata import ListMetadata, Partial
from mcpworkload.kube.objects.pods import Pod

LiveT = TypeVar(
    "LiveT",
    PodDisruptionBudget,
    Role,
    RoleBinding,
    Service,
    ServiceAccount,
    StatefulSet,
    Claim,
    Pod,
    Partial,
    Event,
)


class Page(msgspec.Struct, Generic[LiveT]):
    """One page of a list."""

    metadata: ListMetadata
    #: Where there is nothing, a list of metadata alone says null.
    present: list[LiveT] | None = msgspec.field(default=None, name="items")

    @property
    def items(self) -> list[LiveT]:
        """The objects on this page."""
        return self.present or []


class WatchEvent(msgspec.Struct):
    """One line of a watch; what the object is depends on the type."""

    type: str
    object: msgspec.Raw
