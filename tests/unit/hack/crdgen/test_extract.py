"""The extractor: from Kubernetes' OpenAPI to the trimmed definitions."""

import json
from importlib import resources
from typing import Any

import pytest

from hack.crdgen.extract import embedded_sources, extract, short_name
from hack.crdgen.structure import SUBSTITUTES
from mcpworkload.api.spec import WorkloadSpec

CORE = "io.k8s.api.core.v1"
REF = f"#/components/schemas/{CORE}"


def make_document() -> dict[str, Any]:
    """An OpenAPI document in Kubernetes' manner."""
    box = {
        "type": "object",
        "description": "A box.",
        "x-kubernetes-group-version-kind": [{"kind": "Box"}],
        "properties": {
            "description": {"type": "string", "description": "About it.", "default": ""},
            "lids": {
                "type": "array",
                "items": {"allOf": [{"$ref": f"{REF}.Lid"}], "default": {}},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "x-kubernetes-patch-merge-key": "name",
                "x-kubernetes-patch-strategy": "merge",
            },
            "bottom": {"$ref": f"{REF}.Bottom"},
        },
    }
    lid = {"type": "object", "properties": {"name": {"type": "string", "default": "top"}}}
    bottom = {
        "type": "object",
        "properties": {
            "size": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"}
        },
    }
    schemas = {"Box": box, "Lid": lid, "Bottom": bottom, "Unneeded": {"type": "object"}}
    return {"components": {"schemas": {f"{CORE}.{name}": s for name, s in schemas.items()}}}


def test_a_type_named_by_a_field_is_cut_to_it() -> None:
    """Whole: no prose, no patch hints, no empty defaults, short references, nothing unneeded."""
    assert extract(make_document(), {"Box.lids", "Box.description"}) == {
        "core/v1 Box": {
            "type": "object",
            "properties": {
                "description": {"type": "string"},
                "lids": {
                    "type": "array",
                    "items": {"$ref": "core/v1 Lid"},
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                },
            },
        },
        "core/v1 Lid": {
            "type": "object",
            "properties": {"name": {"type": "string", "default": "top"}},
        },
    }


def test_a_type_named_as_a_whole_comes_with_all_it_needs() -> None:
    """Also where another name asks for a field of it only; quantities are not followed."""
    definitions = extract(make_document(), {"Box", "Box.lids"})

    assert set(definitions) == {"core/v1 Bottom", "core/v1 Box", "core/v1 Lid"}
    assert set(definitions["core/v1 Box"]["properties"]) == {"description", "lids", "bottom"}
    assert definitions["core/v1 Bottom"]["properties"] == {"size": {"$ref": "Quantity"}}


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("io.k8s.api.core.v1.EnvVar", "core/v1 EnvVar"),
        ("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "meta/v1 ObjectMeta"),
        ("io.k8s.apimachinery.pkg.api.resource.Quantity", "Quantity"),
        ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "IntOrString"),
    ],
)
def test_short_names(name: str, short: str) -> None:
    """Group, version and kind where there are such."""
    assert short_name(name) == short


def test_the_models_name_what_is_wanted() -> None:
    """The markers are the only list of embedded parts, and the data file has them all."""
    sources = embedded_sources(WorkloadSpec.model_json_schema())
    text = resources.files("hack.crdgen").joinpath("core_v1.json").read_text(encoding="utf-8")
    data = json.loads(text)

    assert {"Container.env", "PodSpec.volumes", "Affinity"} < sources
    for source in sources - SUBSTITUTES.keys():
        kind, _, field = source.partition(".")
        definition = data["definitions"][f"core/v1 {kind}"]
        assert not field or field in definition["properties"]
    assert data["source"].startswith("k8s.io/kubernetes@v1.34.2 ")
    assert '"description"' not in text
