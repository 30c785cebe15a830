"""
Read-only access to a pod template of any shape.

A patch can put anything anywhere, so nothing about a template is assumed: a `View` of a field that
is absent, or null, is empty; one with a shape that Kubernetes cannot read is refused with its path
and what would be right.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mcpworkload.api.problems import found
from mcpworkload.controller.admission import pointer
from mcpworkload.kube.redaction import is_secretive

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


@dataclass(frozen=True)
class Finding:
    """Something in a template that must not be there."""

    path: tuple[str, ...]
    found: str
    remedy: str

    @property
    def words(self) -> str:
        """The finding and the remedy."""
        return f"found {self.found}; {self.remedy}"

    def __str__(self) -> str:
        """Return path, finding and remedy, as in all messages."""
        return f"{pointer.join(self.path) or 'the whole'}: {self.words}"


class MalformedError(Exception):
    """A part of the template is not what Kubernetes expects there."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class View:
    """A value in a template, and its path; light, because each reconcile makes hundreds."""

    __slots__ = ("_parent", "_step", "value")

    def __init__(self, value: Any, parent: "View | None" = None, step: str = "") -> None:
        self.value = value
        self._parent = parent
        self._step = step

    @property
    def path(self) -> tuple[str, ...]:
        """The steps from the template to here."""
        return () if self._parent is None else (*self._parent.path, self._step)

    @property
    def is_absent(self) -> bool:
        """True if the field is missing or null, which Kubernetes treats alike."""
        return self.value is None

    @property
    def is_off(self) -> bool:
        """True if the field is absent or false."""
        return self.value is None or self.value is False

    def is_one_of(self, allowed: Iterable[Any]) -> bool:
        """Return whether the value equals one of *allowed*, which holds texts and None."""
        return self.value in tuple(allowed)

    def __getitem__(self, field: str) -> "View":
        """Return the view of a field; empty if it is absent."""
        value = self.value
        if value is None:
            return View(None, self, field)
        if not isinstance(value, dict):
            raise self.malformed("write a mapping")
        return View(value.get(field), self, field)

    def mapping(self) -> dict[str, Any]:
        """Return the value as a mapping."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.malformed("write a mapping")
        return self.value

    def items(self) -> Iterator["View"]:
        """Yield the entries of a list."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.malformed("write a list")
        for number, entry in enumerate(self.value):
            yield View(entry, self, str(number))

    @property
    def first(self) -> "View":
        """The first entry of a list; empty if there is none."""
        return next(self.items(), View(None, self, "0"))

    def members(self) -> Iterator[tuple[str, "View"]]:
        """Yield the keys of a mapping that have a value, with it."""
        for key, value in self.mapping().items():
            if value is not None:
                yield key, View(value, self, key)

    def differing(self, wanted: "View", free: Iterable[str]) -> Iterator["View"]:
        """Yield the fields that are not as in *wanted*, but for those in *free*."""
        for field in {**self.mapping(), **wanted.mapping()}:
            if field not in free and self[field].value != wanted[field].value:
                yield self[field]

    def text(self) -> str:
        """Return the value as text, empty if it is absent."""
        if self.value is None:
            return ""
        if not isinstance(self.value, str):
            raise self.malformed("write text")
        return self.value

    def finding(self, remedy: str) -> Finding:
        """Return the finding that this value is not allowed, with *remedy* as what to do."""
        what = found(self.value, is_hidden=is_secretive(self.path))
        return Finding(self.path, "nothing" if self.is_absent else what, remedy)

    def malformed(self, remedy: str) -> MalformedError:
        """Return the error that Kubernetes cannot read this value."""
        return MalformedError(self.finding(remedy))


def connections_of(container: View) -> Iterator[View]:
    """Yield what probes and hooks of *container* connect to by HTTP or TCP."""
    handlers = [container[probe] for probe in _PROBES]
    lifecycle = container["lifecycle"]
    if not lifecycle.is_absent:
        handlers += [lifecycle[hook] for hook in _HOOKS]
    for handler in handlers:
        if not handler.is_absent:
            for kind in ("httpGet", "tcpSocket"):
                if not handler[kind].is_absent:
                    yield handler[kind]


class PodTemplate:
    """
    A pod template with the views that the rules of a policy need.

    Raises:
        MalformedError: it has no list of containers.
    """

    def __init__(self, template: Any) -> None:
        root = View(template)
        self.metadata = root["metadata"]
        self.spec = root["spec"]
        #: Every container, whatever starts it.
        self.containers = tuple(
            container
            for field in ("initContainers", "containers", "ephemeralContainers")
            for container in self.spec[field].items()
        )
        #: The security context of each container, in the same order.
        self.container_contexts = tuple(
            container["securityContext"] for container in self.containers
        )
        #: Those, and the pod's own before them.
        self.security_contexts = (self.spec["securityContext"], *self.container_contexts)
        self.volumes = tuple(self.spec["volumes"].items())
