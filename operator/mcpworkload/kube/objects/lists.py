"""What lists and watches deliver."""

from typing import Generic, Protocol, TypeVar

import msgspec

from mcpworkload.kube.objects.metadata import ListMetadata, Metadata


class Live(Protocol):
    """An object that the API server keeps."""

    @property
    def metadata(self) -> Metadata:
        """Its name, version and labels."""


LiveT = TypeVar("LiveT", bound=Live)


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
