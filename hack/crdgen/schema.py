"""
Turn the JSON schema that pydantic writes into one that the API server accepts in a CRD.

Such a schema is "structural": no references, a type at every level, no alternatives but
int-or-string. What pydantic writes and this module does not know is an error, never dropped.
"""

from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from hack.crdgen.structure import Schema, structure
from mcpworkload.api.base import EMBEDDED_KEY, NEEDED_KEY, RULES_KEY

_COPIED = (
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    # Together: a value of any type, null included, kept as it is.
    "x-kubernetes-preserve-unknown-fields",
    "nullable",
    RULES_KEY,
)
_HANDLED = ("title", "default", "required", "properties", "items", "additionalProperties")


class NotStructuralError(Exception):
    """A model has something that a CRD cannot express, or that this module does not know."""


def structural_schema(model: type[BaseModel], *, keep_defaults: bool) -> Schema:
    """
    Return the structural schema of *model*.

    With *keep_defaults* scalar defaults become the API server's: it writes them into every object.
    Lists and mappings never do; what they default to is for the operator to know.

    Raises:
        NotStructuralError: a field needs something that a CRD cannot express.
    """
    raw = model.model_json_schema(by_alias=True)
    definitions = raw.pop("$defs", {})
    return _Converter(definitions, keep_defaults=keep_defaults).convert(raw, model.__name__)


def needed_rule(field: str, message: str) -> dict[str, str]:
    """Return the rule on a parent that refuses it without *field*, as if it were required."""
    return {
        "rule": f"has(self.{field})",
        "message": message,
        "reason": "FieldValueRequired",
        "fieldPath": f".{field}",
    }


class _Converter:
    def __init__(self, definitions: dict[str, Schema], *, keep_defaults: bool) -> None:
        self._definitions = definitions
        self._keep_defaults = keep_defaults

    def convert(self, node: Schema, path: str) -> Schema:
        """Return *node*, which stands at *path* (for messages only), as a structural schema."""
        node = self._resolve(node, path)
        if EMBEDDED_KEY in node:
            return _embed(node)
        strange = node.keys() - {*_COPIED, *_HANDLED, NEEDED_KEY}
        if strange:
            raise NotStructuralError(f"{path} uses {', '.join(sorted(strange))}")
        schema: Schema = {key: deepcopy(node[key]) for key in _COPIED if key in node}
        if self._keep_defaults and isinstance(node.get("default"), (bool, int, str)):
            schema["default"] = node["default"]
        if "properties" in node:
            self._convert_fields(node, schema, path)
        for key in ("items", "additionalProperties"):
            if key in node:
                if not isinstance(node[key], dict):
                    raise NotStructuralError(f"{path} is untyped: give it an Embedded marker")
                schema[key] = self.convert(node[key], f"{path}.{key}")
        if schema.get("type") == "array":
            # Said aloud, because kubectl and the API server treat silence as a choice too.
            schema.setdefault("x-kubernetes-list-type", "atomic")
        return schema

    def _resolve(self, node: Schema, path: str) -> Schema:
        """Return *node* without reference and without null: leaving a field out unsets it."""
        local = dict(node)
        if "$ref" in local:
            name = local.pop("$ref").removeprefix("#/$defs/")
            return {**self._definitions[name], **local}
        if "anyOf" in local:
            others = [option for option in local.pop("anyOf") if option != {"type": "null"}]
            if len(others) != 1:
                raise NotStructuralError(f"{path} has alternatives")
            return {**self._resolve(others[0], path), **local}
        return local

    def _convert_fields(self, node: Schema, schema: Schema, path: str) -> None:
        fields: dict[str, Any] = node["properties"]
        schema["properties"] = {
            name: self.convert(field, f"{path}.{name}") for name, field in fields.items()
        }
        needed = {name: field[NEEDED_KEY] for name, field in fields.items() if NEEDED_KEY in field}
        rules = [needed_rule(name, message) for name, message in needed.items()]
        required = [name for name in node.get("required", ()) if name not in needed]
        if required:
            schema["required"] = required
        if rules:
            schema[RULES_KEY] = [*rules, *schema.get(RULES_KEY, [])]


def _embed(node: Schema) -> Schema:
    marker = node[EMBEDDED_KEY]
    schema = _merged(structure(marker["source"]), marker["overlay"])
    rules = {RULES_KEY: node[RULES_KEY]} if RULES_KEY in node else {}
    return {**schema, **rules, "description": node["description"]}


def _merged(base: Schema, overlay: Schema) -> Schema:
    """Return *base* with *overlay* laid over it, mapping by mapping."""
    result = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if both else deepcopy(value)
    return result
