"""Metadata of objects and of lists."""

from datetime import datetime

import msgspec

#: What is left out; the one object, so that encoding leaves it out as well.
NOTHING = msgspec.Raw()


class OwnerReference(msgspec.Struct, rename="camel"):
    """An owner of an object."""

    uid: str
    kind: str
    name: str
    controller: bool = False
    api_version: str = ""
    block_owner_deletion: bool = False


class Metadata(msgspec.Struct, rename="camel", omit_defaults=True):
    """The part of ObjectMeta that we read."""

    name: str = ""
    uid: str = ""
    namespace: str = ""
    resource_version: str = "0"
    generation: int = 0
    creation_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []
    deletion_timestamp: str | None = None
    #: How long after the request for it the deletion is due.
    deletion_grace_period_seconds: int = 0

    @property
    def version(self) -> int:
        """The resource version as a number, comparable between objects of one kind."""
        return int(self.resource_version or 0)

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages the object, if any."""
        return next((ref for ref in self.owner_references if ref.controller), None)


class ChildMetadata(Metadata, rename="camel", omit_defaults=True):
    """The metadata of an object that we apply."""

    #: Who has set what; undecoded, and dropped with the content.
    managed_fields: msgspec.Raw = NOTHING


class ListMetadata(msgspec.Struct, rename="camel"):
    """The resource version of a list, and the token of its next page."""

    resource_version: str = "0"
    continue_: str = msgspec.field(default="", name="continue")


class Partial(msgspec.Struct):
    """An object's metadata alone (PartialObjectMetadata)."""

    metadata: Metadata
