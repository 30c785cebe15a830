"""What kustomize is told of lists is what the API server is told."""

import json
from collections.abc import Iterator
from typing import Any

from hack.crdgen.document import root_schema
from hack.crdgen.kustomize import render_openapi


def lists(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, list[str] | None]]:
    """The path and the keys of every list in *schema*."""
    if schema.get("type") == "array":
        yield path, schema.get("x-kubernetes-list-map-keys")
    for name, field in schema.get("properties", {}).items():
        yield from lists(field, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from lists(schema[key], f"{path}[]")


def test_the_lists_have_the_keys_of_the_crd() -> None:
    """All of them, the embedded ones included."""
    (definition,) = json.loads(render_openapi())["definitions"].values()

    assert dict(lists(definition)) == dict(lists(root_schema()))
    env = definition["properties"]["spec"]["properties"]["env"]
    assert env["x-kubernetes-patch-merge-key"] == "name"
    assert env["x-kubernetes-patch-strategy"] == "merge"


def test_the_kustomize_schema_names_its_kind() -> None:
    """By group, version and kind."""
    (definition,) = json.loads(render_openapi())["definitions"].values()

    assert definition["x-kubernetes-group-version-kind"] == [
        {"group": "mcpworkload.dev", "kind": "MCPWorkload", "version": "v1alpha1"}
    ]
