"""
Find the container whose amount a quota or a LimitRange refuses, and who chose that amount.

The API server names amounts and no containers, and most amounts of a pod were never written by its
author: they are defaults of the operator, or belong to a container that the operator adds.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from mcpworkload.api.names import BRIDGE, CONTAINER
from mcpworkload.kube.manifest import Manifest
from mcpworkload.kube.quantity import parse_quantity

# As the API server's admission plug-in for LimitRanges has them.
_BOUND: Final = re.compile(
    r"(?:min|max)imum (?P<resource>\S+) usage per Container is [^,\s]+, "
    r"but (?P<field>request|limit) is (?P<amount>[0-9][0-9.]*[A-Za-z]{0,2})"
)
_LACKING: Final = re.compile(
    r"(?:min|max)imum (?P<resource>\S+) usage per Container is [^,\s]+\.\s+No "
    r"(?P<field>request|limit) is specified"
)
_RATIO: Final = re.compile(
    r"(?P<resource>\S+) max limit to request ratio per Container is [^,\s]+, but provided ratio is "
    r"(?P<ratio>[0-9.]+)"
)
_QUOTA: Final = re.compile(r"exceeded quota: [^,]+, requested: (?P<amounts>\S+=[^ ]+?)(?:, |$)")
# Of a bare name, as in `memory=1Gi`, quotas count requests.
_COUNTED: Final = re.compile(
    r"(?:(?P<field>requests|limits)\.)?(?P<resource>cpu|memory|ephemeral-storage)="
)


def _nothing() -> tuple[Manifest, Mapping[str, Any]]:
    return {}, {}


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts of a workload's pods, and which of them its spec has written."""

    #: Returns the pod template, and `spec.resources`.
    read: Callable[[], tuple[Manifest, Mapping[str, Any]]] = _nothing

    def explain(self, said: str) -> str:
        """Return what is to be appended to *said*, a text of the API server; empty for nothing."""
        parts = dict.fromkeys(self._parts(said))
        return "".join(f"; {part}" for part in parts)

    def _parts(self, said: str) -> Iterator[str]:
        for match in _BOUND.finditer(said):
            yield from self._with_amount(f"{match['field']}s", match["resource"], match["amount"])
        for match in _LACKING.finditer(said):
            yield from self._without(match["field"], match["resource"])
        for match in _RATIO.finditer(said):
            yield from self._with_ratio(match["resource"], round(float(match["ratio"]), 3))
        for match in _QUOTA.finditer(said):
            for counted in _COUNTED.finditer(match["amounts"]):
                yield from self._defaults(counted["field"] or "requests", counted["resource"])

    def _with_amount(self, field_: str, resource: str, wanted: str) -> Iterator[str]:
        for name, resources in self._containers():
            amount = resources.get(field_, {}).get(resource)
            if amount is not None and _number(amount) == _number(wanted):
                yield self._say(name, field_, resource, amount)

    def _without(self, field_: str, resource: str) -> Iterator[str]:
        for name, resources in self._containers():
            if resource not in resources.get(f"{field_}s", {}):
                yield f"container {name} has no {field_} of {resource}"

    def _with_ratio(self, resource: str, ratio: float) -> Iterator[str]:
        for name, resources in self._containers():
            if _ratio(resources, resource) == ratio:
                yield self._say(name, "limits", resource, resources["limits"][resource])

    def _defaults(self, field_: str, resource: str) -> Iterator[str]:
        """Yield the amounts of that kind that are the operator's defaults."""
        for name, resources in self._containers():
            amount = resources.get(field_, {}).get(resource)
            is_ours = name == BRIDGE or (name == CONTAINER and not self._is_given(field_, resource))
            if is_ours and amount is not None:
                yield self._say(name, field_, resource, amount)

    def _say(self, name: str, field_: str, resource: str, amount: Any) -> str:
        path = f"spec.resources.{field_}.{resource}"
        said = f"container {name} has {amount} ({field_}.{resource})"
        if name == BRIDGE:
            return f"{said} by the operator's default, bounded by {path}"
        if name != CONTAINER:
            return said
        if self._is_given(field_, resource):
            return f"{said}, as {path} says"
        return f"{said} by the operator's default: write {path}"

    def _is_given(self, field_: str, resource: str) -> bool:
        _, given = self.read()
        return resource in (given.get(field_) or {})

    def _containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        template, _ = self.read()
        pod = template.get("spec", {})
        for part in ("containers", "initContainers"):
            for container in pod.get(part) or ():
                yield container["name"], container.get("resources") or {}


def _number(amount: Any) -> Decimal | None:
    try:
        return parse_quantity(amount)
    except ValueError:
        return None


def _ratio(resources: Mapping[str, Any], resource: str) -> float | None:
    limit, request = (
        _number(resources.get(part, {}).get(resource, "")) for part in ("limits", "requests")
    )
    return round(float(limit / request), 3) if limit and request else None
