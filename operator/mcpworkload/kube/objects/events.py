"""Events: what components of the cluster say."""

from datetime import datetime

import msgspec

from mcpworkload.kube.objects.metadata import Metadata


class Regarded(msgspec.Struct, rename="camel"):
    """What an Event is about; the path names the container, if it is about one."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class Series(msgspec.Struct, rename="camel"):
    """An Event that happens again and again."""

    count: int = 0
    last_observed_time: datetime | None = None


class Event(msgspec.Struct, rename="camel"):
    """What a component of the cluster said about an object."""

    metadata: Metadata
    involved_object: Regarded = msgspec.field(default_factory=Regarded)
    reason: str = ""
    message: str = ""
    #: How often it was said.
    count: int = 0
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: Series | None = None

    @property
    def at(self) -> datetime | None:
        """When it was said last; the older and the newer way to record Events differ in where."""
        again = self.series.last_observed_time if self.series else None
        return again or self.last_timestamp or self.event_time or self.metadata.creation_timestamp
