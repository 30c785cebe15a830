"""
What kustomize has to know to merge an MCPWorkload's lists by key.

kustomize reads neither the cluster nor the CRD. From `openapi: path:` it takes a document in the
style of Kubernetes' own, where a list says by `x-kubernetes-patch-*` how patches merge into it;
the CRD says the same by `x-kubernetes-list-*`.
"""

import json
from typing import Any, Final

from mcpworkload import names
from mcpworkload.crd.document import root_schema
from mcpworkload.crd.structure import Schema

_LIST_TYPE: Final = "x-kubernetes-list-type"
_LIST_KEYS: Final = "x-kubernetes-list-map-keys"


def render_openapi() -> str:
    """The text of the committed file: the same text for the same models, always."""
    reversed_group = ".".join(reversed(names.GROUP.split(".")))
    definition = {
        **_merging(root_schema()),
        "x-kubernetes-group-version-kind": [
            {"group": names.GROUP, "kind": names.KIND, "version": names.VERSION}
        ],
    }
    # Without it labels, annotations and what else is in there would be replaced as a whole.
    definition["properties"]["metadata"] = {"type": "object"}
    document = {"definitions": {f"{reversed_group}.{names.VERSION}.{names.KIND}": definition}}
    return json.dumps(document, indent=1) + "\n"


def _merging(schema: Schema) -> Schema:
    """As much of *schema* as decides how a patch is merged: structure, and the keys of lists."""
    result: dict[str, Any] = {key: schema[key] for key in ("type",) if key in schema}
    if "properties" in schema:
        result["properties"] = {
            name: _merging(field) for name, field in schema["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if key in schema:
            result[key] = _merging(schema[key])
    if schema.get(_LIST_TYPE) == "map":
        keys = schema[_LIST_KEYS]
        result[_LIST_TYPE] = "map"
        result[_LIST_KEYS] = list(keys)
        result["x-kubernetes-patch-strategy"] = "merge"
        result["x-kubernetes-patch-merge-key"] = keys[0]
    return result
