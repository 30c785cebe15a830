"""
The structure of Kubernetes' own parts, made fit for a CRD.

`core_v1.json` beside this file holds the types as the extractor left them; here a name such
as `Container.env` or `Affinity` becomes a structural schema without references. A field's
description says only where Kubernetes documents it.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from importlib import resources
from typing import Any, Final

Schema = dict[str, Any]

DATA_FILE: Final = "core_v1.json"

# A number as Kubernetes counts resources: sign, decimals, then a binary, decimal or E suffix.
_QUANTITY_PATTERN = (
    r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
    r"([KMGTPE]i|[numkMGTPE]|[eE][+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+))?$"
)
_INT_OR_STRING: Schema = {
    # The only place where a structural schema may leave the type to anyOf.
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
}
_STRING_MAP: Schema = {"type": "object", "additionalProperties": {"type": "string"}}

# Types whose published form does not suit a CRD. Embedded metadata is cut to what users set:
# the API server accepts no more of it inside a CRD without treating it as a whole object's.
SUBSTITUTES: Final[dict[str, Schema]] = {
    "Quantity": {**_INT_OR_STRING, "pattern": _QUANTITY_PATTERN},
    "IntOrString": _INT_OR_STRING,
    "meta/v1 ObjectMeta": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "labels": _STRING_MAP,
            "annotations": _STRING_MAP,
        },
    },
}

# Keys that are copied as they stand; any other key that turns up is an error, because it
# would be lost silently.
_COPIED = (
    "type",
    "format",
    "enum",
    "required",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
)
_HANDLED = ("default", "properties", "items", "additionalProperties", "$ref")


class StructureError(Exception):
    """The data file lacks a type or field, or holds what a CRD cannot express."""


def structure(source: str, definitions: Mapping[str, Schema] | None = None) -> Schema:
    """
    Return the structural schema of *source*: a type of core/v1, one of its fields, or a substitute.

    *definitions* are as the extractor makes them, by default those of the data file. The result is
    fresh with every call, and has no description of its own.

    Raises:
        StructureError: *source* is not among the definitions, or cannot be expressed.
    """
    if source in SUBSTITUTES:
        return deepcopy(SUBSTITUTES[source])
    expander = _Expander(_committed() if definitions is None else definitions)
    kind, _, field = source.partition(".")
    name = f"core/v1 {kind}"
    if not field:
        return expander.expand({"$ref": name}, ())
    fields = expander.definition(name)["properties"]
    if field not in fields:
        raise _absent(source)
    return expander.expand(fields[field], (name,))


@cache
def _committed() -> Mapping[str, Schema]:
    text = resources.files(__package__).joinpath(DATA_FILE).read_text(encoding="utf-8")
    data: dict[str, dict[str, Schema]] = json.loads(text)
    return data["definitions"]


def _absent(name: str) -> StructureError:
    return StructureError(f"{DATA_FILE} lacks {name}: run python -m hack.crdgen.extract")


class _Expander:
    """Follows references; a *path* names the types that a schema is inside of, outermost first."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def definition(self, name: str) -> Schema:
        if name not in self._definitions:
            raise _absent(name)
        return self._definitions[name]

    def expand(self, node: Schema, path: tuple[str, ...]) -> Schema:
        """Return *node* with all that it refers to, in place of the references."""
        reference = node.get("$ref")
        if reference is None:
            return self._expand_here(node, path)
        if reference in path:
            raise StructureError(f"{reference} contains itself: a CRD cannot express that")
        inner = SUBSTITUTES.get(reference) or self.definition(reference)
        local = {key: value for key, value in node.items() if key != "$ref"}
        return {**self._expand_here(inner, (*path, reference)), **self._expand_here(local, path)}

    def _expand_here(self, node: Schema, path: tuple[str, ...]) -> Schema:
        if "x-kubernetes-int-or-string" in node:
            return deepcopy(node)
        strange = node.keys() - {*_COPIED, *_HANDLED}
        if strange:
            raise StructureError(f"{path[-1]} uses {', '.join(sorted(strange))}")
        schema: Schema = {key: deepcopy(node[key]) for key in _COPIED if key in node}
        if "properties" in node:
            schema["properties"] = {
                name: {**self.expand(field, path), "description": f"As in {path[-1]}.{name}."}
                for name, field in sorted(node["properties"].items())
            }
        for key in ("items", "additionalProperties"):
            if key in node:
                schema[key] = self.expand(node[key], path)
        if schema.get("x-kubernetes-list-type") == "map":
            self._secure_keys(schema["items"], node, path)
        return schema

    def _secure_keys(self, items: Schema, node: Schema, path: tuple[str, ...]) -> None:
        """
        Make every key of a list map required or defaulted: the API server refuses others.

        Only here does a default of Kubernetes survive; elsewhere it would be written into the spec,
        and change with the next release under objects that no client changed.
        """
        origin = node["items"]
        source = self.definition(origin["$ref"]) if "$ref" in origin else origin
        required = set(items.get("required", ()))
        for key in node["x-kubernetes-list-map-keys"]:
            if key not in items["properties"]:
                raise StructureError(f"{path[-1]} has a list keyed by {key}, which is not a field")
            default = source["properties"][key].get("default")
            if default is None:
                required.add(key)
            elif key not in required:
                items["properties"][key]["default"] = default
        items["required"] = sorted(required)
