"""The pages of lists and the lines of watches."""

from typing import Generic, Protocol, TypeVar

import msgspec

from mcpworkload.kube.objects.metadata import ListMetadata, Metadata


class Live(Protocol):
    """An object that the API server keeps."""

    @property
    def metadata(self) -> Metadata:
        """The name, version and labels of the object."""


LiveT = TypeVar("LiveT", bound=Live)


class Page(msgspec.Struct, Generic[LiveT]):
    """One page of a list."""

    metadata: ListMetadata
    #: An empty list of metadata has null here.
    present: list[LiveT] | None = msgspec.field(default=None, name="items")

    @property
    def items(self) -> list[LiveT]:
        """The objects on this page."""
        return self.present or []


class WatchEvent(msgspec.Struct):
    """One line of a watch; its type decides what the object is."""

    type: str
    object: msgspec.Raw
