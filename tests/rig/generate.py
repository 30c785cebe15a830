"""Random specs that follow the CRD's schema, with values that mean something."""

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

CRD = Path(__file__).parents[2] / "crds" / "mcpworkload.yaml"
Schema = dict[str, Any]

# How likely an optional field is there, by depth: wide at the top, narrow below, or the
# API server would find something to refuse in nearly every spec.
_ODDS = (0.12, 0.5, 0.35, 0.25, 0.2)
# What a text may be, by the name of its field.
_TEXTS: dict[str, tuple[str, ...]] = {
    "image": ("weather:1", "localhost/a/b@sha256:" + "0" * 64),
    "mountPath": ("/a", "/b", "/tmp"),
    "path": ("/a", "/mcp", "a/b", "/spec/nodeSelector", "/metadata/labels/x", "/spec/volumes/-"),
    "from": ("/metadata/labels", "/spec/containers/0"),
    "workingDir": ("/", "/srv"),
    "ip": ("10.0.0.1", "::1"),
    "ips": ("10.0.0.1", "::1"),
    "nameservers": ("10.0.0.1",),
    "restartedAt": ("2026-11-23T12:00:00Z",),
    "topologyKey": ("kubernetes.io/hostname", "zone"),
    "fieldPath": ("metadata.name", "status.podIP", "metadata.labels['a']"),
    "resource": ("limits.cpu", "requests.memory"),
    "op": ("add", "remove", "replace", "test"),
    "mode": ("0644",),
}
_WORDS = ("a", "b", "data", "tmp", "mcp", "x-1")
_QUANTITIES = ("1", "500m", "64Mi", "1Gi", "0.5")
_NUMBERS = (0, 1, 2, 30, 1000, 8080, 9090)


@cache
def spec_schema() -> Schema:
    """The schema of `spec`."""
    version = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]
    schema: Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def make_spec(seed: int) -> dict[str, Any]:
    """The spec that belongs to *seed*: always the same one."""
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    spec: dict[str, Any] = _make(spec_schema(), "spec", 0, random)
    transport = {"type": random.choice(("sse", "streamable-http"))}
    return {**spec, "image": "weather:1", "transport": transport}


def _make(schema: Schema, name: str, depth: int, random: Random) -> Any:
    if schema.get("x-kubernetes-int-or-string"):
        return random.choice((*_QUANTITIES, "50%", 1, 8080))
    if "enum" in schema:
        return random.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            return _make_object(schema, name, depth, random)
        case "array":
            return _make_list(schema, name, depth, random)
        case "boolean":
            return random.choice((True, False))
        case "integer" | "number":
            low, high = schema.get("minimum", 0), schema.get("maximum", 2**31 - 1)
            return random.choice([value for value in (low, *_NUMBERS) if low <= value <= high])
        case "string":
            return random.choice(_TEXTS.get(name, _WORDS))
    return random.choice((None, 1, "a", {"a": "b"}, ["a"]))


def _make_object(schema: Schema, name: str, depth: int, random: Random) -> dict[str, Any]:
    inner = schema.get("additionalProperties")
    if inner:
        keys = random.sample(("a", "b", "cpu", "memory", "example.com/x"), random.randint(0, 2))
        return {key: _make(inner, name, depth + 1, random) for key in keys}
    required = schema.get("required", ())
    odds = _ODDS[min(depth, len(_ODDS) - 1)]
    return {
        key: _make(part, key, depth + 1, random)
        for key, part in schema.get("properties", {}).items()
        if key in required or random.random() < odds
    }


def _make_list(schema: Schema, name: str, depth: int, random: Random) -> list[Any]:
    items = [_make(schema["items"], name, depth + 1, random) for _ in range(random.randint(0, 2))]
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys:
        by_key = {json.dumps([item.get(key) for key in keys]): item for item in items}
        return list(by_key.values())
    if schema.get("x-kubernetes-list-type") == "set":
        return list({json.dumps(item): item for item in items}.values())
    return items
