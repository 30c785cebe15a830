"""Operations of a template patch, and a small document for them."""

from typing import Any

from mcpworkload.api.patch import PatchOperation
from mcpworkload.controller.admission.template_patch import apply_template_patch

TEMPLATE: dict[str, Any] = {
    "metadata": {"annotations": {"a/b~c": "1"}, "labels": {}},
    "spec": {
        "containers": [
            {"name": "mcp", "image": "weather:1", "env": [{"name": "K", "value": "s3"}]}
        ],
        "volumes": [{"name": "a"}, {"name": "b"}],
        "hostNetwork": False,
        "terminationGracePeriodSeconds": 30,
    },
}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    """The template after *operations*."""
    parsed = [PatchOperation.model_validate(operation) for operation in operations]
    return apply_template_patch(TEMPLATE, parsed)


def op(name: str, path: str, *value: Any, **others: Any) -> dict[str, Any]:
    """An operation as it stands in a manifest."""
    return {"op": name, "path": path, **({"value": value[0]} if value else {}), **others}


def taken(name: str, path: str, source: str) -> dict[str, Any]:
    """A move or copy."""
    return {"op": name, "path": path, "from": source}
