"""
Cut Kubernetes' published OpenAPI down to the parts that the models embed.

Usage: python -m hack.crdgen.extract PATH

PATH is `api/openapi-spec/v3/api__v1_openapi.json` of the oldest release that we support, as
in the Go module: `go mod download -json k8s.io/kubernetes@v1.34.2` prints where it is. What
is wanted follows from the `Embedded` markers of the models, so a new one needs no second
mention here. Descriptions are left behind.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hack.crdgen.structure import DATA_FILE, SUBSTITUTES, Schema
from mcpworkload.api.base import EMBEDDED_KEY
from mcpworkload.api.spec import WorkloadSpec

_REFERENCE = "#/components/schemas/"
_NAMES = (
    (re.compile(r"io\.k8s\.api\.(\w+)\.(\w+)\.(\w+)"), r"\1/\2 \3"),
    (re.compile(r"io\.k8s\.apimachinery\.pkg\.apis\.(\w+)\.(\w+)\.(\w+)"), r"\1/\2 \3"),
    (re.compile(r"io\.k8s\.apimachinery\.pkg\.(?:\w+\.)+(\w+)"), r"\1"),
)
# Prose, hints to clients of another kind of patch, and what concerns whole objects only.
_DROPPED = (
    "description",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-unions",
)


def short_name(name: str) -> str:
    """Return `core/v1 EnvVar` for `io.k8s.api.core.v1.EnvVar`; without a version, its end."""
    for pattern, replacement in _NAMES:
        if pattern.fullmatch(name):
            return pattern.sub(replacement, name)
    return name


def trim(node: Any) -> Any:
    """Return *node* without prose and empty defaults, its references short and direct."""
    if isinstance(node, list):
        return [trim(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": short_name(node["$ref"].removeprefix(_REFERENCE))}
    result: Schema = {}
    for key, value in node.items():
        if key == "properties":
            # Names of fields, not keywords: a field may be called "description".
            result[key] = {name: trim(field) for name, field in value.items()}
        elif key == "allOf" and len(value) == 1:
            result.update(trim(value[0]))
        elif key not in _DROPPED and not (key == "default" and not value):
            result[key] = trim(value)
    return result


def references(node: Any) -> Iterator[str]:
    """Yield the names of all types that *node* refers to."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)


def embedded_sources(node: Any) -> set[str]:
    """Return the names in all `Embedded` markers of a JSON schema that pydantic wrote."""
    if isinstance(node, list):
        return set().union(*map(embedded_sources, node))
    if not isinstance(node, dict):
        return set()
    own = {node[EMBEDDED_KEY]["source"]} if EMBEDDED_KEY in node else set()
    return own.union(*map(embedded_sources, node.values()))


def extract(document: Schema, sources: set[str]) -> dict[str, Schema]:
    """Return the trimmed definitions that *sources* need; of named fields, only those."""
    everything = {
        short_name(name): trim(schema) for name, schema in document["components"]["schemas"].items()
    }
    result: dict[str, Schema] = {}
    for source in sorted(source for source in sources if "." in source):
        kind, _, field = source.partition(".")
        name = f"core/v1 {kind}"
        result.setdefault(name, {"type": "object", "properties": {}})
        result[name]["properties"][field] = everything[name]["properties"][field]
    whole_sources = {source for source in sources if "." not in source} - SUBSTITUTES.keys()
    wanted = [f"core/v1 {source}" for source in whole_sources]
    wanted += references(list(result.values()))
    whole: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in whole and name not in SUBSTITUTES:
            whole.add(name)
            result[name] = everything[name]
            wanted += references(everything[name])
    return dict(sorted(result.items()))


def main() -> None:
    """Read the path given on the command line, write the data file beside this module."""
    parser = argparse.ArgumentParser(prog="python -m hack.crdgen.extract")
    parser.add_argument("path", type=Path, help="api__v1_openapi.json of a Kubernetes release")
    path: Path = parser.parse_args().path
    release = re.search(r"kubernetes@(v\d+\.\d+\.\d+)", str(path))
    if release is None:
        parser.error("the path must tell the release, as in kubernetes@v1.34.2/api/...")
    document = json.loads(path.read_text(encoding="utf-8"))
    sources = embedded_sources(WorkloadSpec.model_json_schema())
    data = {
        "source": f"k8s.io/kubernetes@{release.group(1)} api/openapi-spec/v3/{path.name}",
        "definitions": extract(document, sources),
    }
    text = json.dumps(data, indent=1, sort_keys=True) + "\n"
    Path(__file__).with_name(DATA_FILE).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
