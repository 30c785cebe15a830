"""Events, which components of the cluster emit."""

from datetime import datetime

import msgspec

from mcpworkload.kube.objects.metadata import Metadata


class Regarded(msgspec.Struct, rename="camel", omit_defaults=True):
    """The object of an Event; the path names the container, if there is one."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class Series(msgspec.Struct, rename="camel", omit_defaults=True):
    """The repetitions of one Event."""

    count: int = 0
    last_observed_time: datetime | None = None


class Event(msgspec.Struct, rename="camel", omit_defaults=True):
    """A report of a component about an object."""

    metadata: Metadata
    involved_object: Regarded = msgspec.field(default_factory=Regarded)
    reason: str = ""
    message: str = ""
    #: How often it was emitted.
    count: int = 0
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: Series | None = None

    @property
    def at(self) -> datetime | None:
        """The time of the last emission, which older and newer Events have in different fields."""
        again = self.series.last_observed_time if self.series else None
        return again or self.last_timestamp or self.event_time or self.metadata.creation_timestamp
