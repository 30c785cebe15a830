"""One MCPWorkload as the operator works with it, parsed from an object of the API server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError

from mcpworkload.api.base import Needed
from mcpworkload.api.problems import describe, found
from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.rules import NAME_RULES
from mcpworkload.api.spec import WorkloadSpec

SPEC_NEEDED = Needed("write at least image and transport.type")


@dataclass(frozen=True)
class Workload:
    """
    A workload whose spec is valid.

    *status* is the raw status as last seen, for comparison only. The embedded parts of *spec*
    and *status* belong to the body they were parsed from: copy before editing.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    spec: WorkloadSpec
    status: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """
        Return the workload in *body*, an MCPWorkload as the API server sends it.

        What only the API server sets (namespace, uid, generation) may be absent, as in a manifest
        that it has not seen yet; fields that this version does not know are ignored.

        Raises:
            InvalidSpec: the message names each wrong field by its path, what was found there
                and what would be right.
        """
        metadata = body["metadata"]
        _check_name(metadata["name"])
        return cls(
            name=metadata["name"],
            namespace=metadata.get("namespace", ""),
            uid=metadata.get("uid", ""),
            generation=metadata.get("generation", 0),
            spec=parse_spec(body.get("spec")),
            status=dict(body.get("status") or {}),
        )


def parse_spec(spec: Any) -> WorkloadSpec:
    """
    Return the typed form of a raw *spec*.

    Raises:
        InvalidSpec: as `Workload.parse` does.
    """
    if spec is None:
        raise InvalidSpec(f"spec: missing; {SPEC_NEEDED.message}")
    if not isinstance(spec, Mapping):
        raise InvalidSpec(f"spec: found {found(spec)}; write a mapping of fields to values")
    try:
        return WorkloadSpec.model_validate(dict(spec))
    except ValidationError as error:
        raise InvalidSpec(describe(error, WorkloadSpec, "spec")) from error


def _check_name(name: str) -> None:
    for rule in NAME_RULES:
        if not rule.holds(name):
            raise InvalidSpec(f"metadata.name: found {found(name)}; {rule.message}")
