"""A kind of object: its path in the API, and how an object of it is decoded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from mcpworkload.kube.objects import LiveT
from mcpworkload.kube.paths import resource_path


def _own_name(item: Any) -> str:
    name: str = item.metadata.name
    return name


def _always(_item: Any) -> bool:
    return True


@dataclass(frozen=True)
class Kind(Generic[LiveT]):
    """A kind: its path in the API and how one of it is decoded."""

    name: str
    root: str
    plural: str
    live: type[LiveT]
    #: Which objects a cache holds, as parameters of a list or watch; all of them unless set.
    selector: Mapping[str, str] = field(default_factory=dict)
    #: The name under which a cache groups an object; its own unless set.
    owner_of: Callable[[Any], str] = _own_name
    #: Which objects of a namespace a cache counts; all of them unless set.
    is_counted: Callable[[Any], bool] = _always
    #: Whether its watch receives something every minute, at least a bookmark.
    has_pulse: bool = True
    #: Whether the operator waits until it can be read; another unreadable kind is only reported.
    is_vital: bool = True

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Return the path of one object, of a namespace's collection, or of the cluster's."""
        return resource_path(self.root, self.plural, namespace, name)
