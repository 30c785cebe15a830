"""Kubernetes' own parts as structural schemas, from hand-made definitions and the real ones."""

import re
from typing import Any

import pytest

from hack.crdgen.structure import SUBSTITUTES, StructureError, structure

PORT: dict[str, Any] = {
    "type": "object",
    "required": ["number"],
    "properties": {
        "number": {"type": "integer", "format": "int32"},
        "protocol": {"type": "string", "default": "TCP"},
        "other": {"type": "string", "default": "thing"},
    },
}
PORTS: dict[str, Any] = {
    "type": "array",
    "items": {"$ref": "core/v1 Port"},
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["number", "protocol"],
}
DEFINITIONS: dict[str, Any] = {
    "core/v1 Port": PORT,
    "core/v1 Box": {
        "type": "object",
        "properties": {
            "ports": PORTS,
            "secrets": {
                **PORTS,
                "items": {"$ref": "core/v1 Name"},
                "x-kubernetes-list-map-keys": ["name"],
            },
            "metadata": {"$ref": "meta/v1 ObjectMeta"},
            "limits": {"type": "object", "additionalProperties": {"$ref": "Quantity"}},
        },
    },
    "core/v1 Name": {"type": "object", "properties": {"name": {"type": "string"}}},
    "core/v1 Loop": {"type": "object", "properties": {"inner": {"$ref": "core/v1 Loop"}}},
    "core/v1 Odd": {"type": "object", "oneOf": []},
    "core/v1 Lost": {"type": "object", "properties": {"gone": {"$ref": "core/v1 Gone"}}},
    "core/v1 Unkeyed": {
        "type": "object",
        "properties": {"ports": {**PORTS, "x-kubernetes-list-map-keys": ["missing"]}},
    },
}


def test_references_are_followed_and_each_field_says_where_it_is_documented() -> None:
    """Whole: a list map with a required key, a defaulted key, and a default that goes."""
    assert structure("Box.ports", DEFINITIONS) == {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["number", "protocol"],
        "items": {
            "type": "object",
            "required": ["number"],
            "properties": {
                "number": {
                    "description": "As in core/v1 Port.number.",
                    "type": "integer",
                    "format": "int32",
                },
                "other": {"description": "As in core/v1 Port.other.", "type": "string"},
                "protocol": {
                    "description": "As in core/v1 Port.protocol.",
                    "type": "string",
                    "default": "TCP",
                },
            },
        },
    }


def test_a_list_key_without_default_becomes_required() -> None:
    """The API server refuses a list map whose key may be absent."""
    assert structure("Box.secrets", DEFINITIONS)["items"]["required"] == ["name"]


def test_embedded_metadata_is_spelled_out() -> None:
    """Name, labels and annotations, each with its sentence; no more can be embedded."""
    metadata = structure("Box", DEFINITIONS)["properties"]["metadata"]

    assert {name: field["description"] for name, field in metadata["properties"].items()} == {
        "name": "As in meta/v1 ObjectMeta.name.",
        "labels": "As in meta/v1 ObjectMeta.labels.",
        "annotations": "As in meta/v1 ObjectMeta.annotations.",
    }


def test_a_quantity_is_int_or_string() -> None:
    """Also as the value of a mapping."""
    limits = structure("Box", DEFINITIONS)["properties"]["limits"]

    assert limits["additionalProperties"] == SUBSTITUTES["Quantity"]


@pytest.mark.parametrize(
    "quantity", ["1", "0.5", ".5", "5.", "+1", "-1", "500m", "1Gi", "1k", "1E", "1e3", "1E-2"]
)
def test_quantities_that_kubernetes_takes(quantity: str) -> None:
    """Each form of suffix and number."""
    assert re.search(SUBSTITUTES["Quantity"]["pattern"], quantity)


@pytest.mark.parametrize("quantity", ["", "1 Gi", "1GB", "1K", "one", ".", "1e", "1mi"])
def test_quantities_that_kubernetes_refuses(quantity: str) -> None:
    """Common slips."""
    assert not re.search(SUBSTITUTES["Quantity"]["pattern"], quantity)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("Nothing", "lacks core/v1 Nothing: run python -m", id="absent type"),
        pytest.param("Box.nothing", "lacks Box.nothing: run python -m", id="absent field"),
        pytest.param("Lost", "lacks core/v1 Gone", id="dangling reference"),
        pytest.param("Loop", "core/v1 Loop contains itself", id="recursive type"),
        pytest.param("Odd", "core/v1 Odd uses oneOf", id="unknown keyword"),
        pytest.param("Unkeyed", "keyed by missing, which is not a field", id="absent list key"),
    ],
)
def test_what_cannot_be_expressed_is_an_error(source: str, message: str) -> None:
    """Nothing is dropped silently."""
    with pytest.raises(StructureError, match=re.escape(message)):
        structure(source, DEFINITIONS)


def test_the_committed_data_has_the_real_structure() -> None:
    """Env entries merge by name, a secret's reference is one unit, limits are quantities."""
    env = structure("Container.env")
    source = env["items"]["properties"]["valueFrom"]["properties"]["secretKeyRef"]

    assert env["x-kubernetes-list-map-keys"] == ["name"]
    assert env["items"]["required"] == ["name"]
    assert source["x-kubernetes-map-type"] == "atomic"
    assert source["required"] == ["key"]
    limits = structure("Container.resources")["properties"]["limits"]
    assert limits["additionalProperties"]["x-kubernetes-int-or-string"] is True


def test_results_are_independent() -> None:
    """A caller may edit what it receives."""
    structure("Container.env")["items"]["properties"].clear()

    assert structure("Container.env")["items"]["properties"]
