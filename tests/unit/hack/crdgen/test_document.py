"""
The CRD as a whole: what the API server would refuse, and what its users would miss.

That an API server takes it, and what it then refuses, is tested against a real one.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from hack.crdgen.document import build_crd, render
from mcpworkload.api import names

MAX_BYTES = 200_000

# Keywords that a structural schema may not use, or that are noise in one.
FORBIDDEN = {"$ref", "allOf", "oneOf", "not", "patternProperties", "definitions", "title"}


@cache
def text() -> str:
    """The committed file's content, as it should be; writing that much YAML takes a while."""
    return render(build_crd())


def root() -> dict[str, Any]:
    """The schema of one object."""
    schema: dict[str, Any] = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def levels(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every level of *schema* with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from levels(field, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from levels(schema[key], path + mark)


def test_rendering_loses_nothing_and_is_repeatable() -> None:
    """The text means the data, and two runs agree to the byte."""
    assert yaml.safe_load(text()) == build_crd()
    assert render(build_crd()) == text()


def test_every_field_has_a_sentence() -> None:
    """What `kubectl explain` shows is never empty; metadata has the API server's own words."""
    fields = [
        (path, level)
        for path, level in levels(root())
        if not path.endswith(("[]", "{}")) and not path.startswith(".metadata")
    ]

    silent = [path for path, level in fields if not level.get("description", "").endswith(".")]

    assert silent == []
    assert len(fields) > 60


def test_it_stays_small() -> None:
    """Far below what etcd and client-side annotations can bear."""
    assert len(json.dumps(build_crd(), separators=(",", ":"))) < MAX_BYTES


def test_the_schema_is_structural() -> None:
    """
    No references or alternatives; each level has a type, or is int-or-string in full.

    Only the value of a patch operation may be anything.
    """
    for path, level in levels(root()):
        assert not FORBIDDEN & level.keys(), path
        is_anything = path == ".spec.podTemplatePatch[].value"
        assert ("x-kubernetes-preserve-unknown-fields" in level) is is_anything, path
        if is_anything:
            assert level["nullable"] is True
            assert "type" not in level
        elif level.get("x-kubernetes-int-or-string"):
            assert "type" not in level, path
            assert level["anyOf"] == [{"type": "integer"}, {"type": "string"}], path
        else:
            assert "type" in level, path
            assert "anyOf" not in level, path


def test_lists_say_how_they_merge() -> None:
    """Each list has a type; the keys of a list map are fields, and required or defaulted."""
    for path, level in levels(root()):
        if level.get("type") != "array":
            continue
        assert level["x-kubernetes-list-type"] in {"atomic", "map", "set"}, path
        for key in level.get("x-kubernetes-list-map-keys", ()):
            item = level["items"]
            assert key in item["required"] or "default" in item["properties"][key], path


def test_defaults_are_few_and_scalar() -> None:
    """The API server writes a default into every object, so each new one is a decision."""
    defaults = {path: level["default"] for path, level in levels(root()) if "default" in level}

    assert defaults == {
        ".spec.transport.port": 8080,
        ".spec.transport.scheme": "HTTP",
        ".spec.replicas": 1,
        ".spec.operatingMode": "Running",
        # Keys of a list map of Kubernetes' own have to be there.
        ".spec.initContainers[].ports[].protocol": "TCP",
        ".spec.sidecars[].ports[].protocol": "TCP",
        ".spec.automountServiceAccountToken": False,
        ".status": {"observedGeneration": -1},
    }


SPEC_FIELDS = {
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "command",
    "args",
    "workingDir",
    "env",
    "envFrom",
    "lifecycle",
    "stdin",
    "transport",
    "ports",
    "replicas",
    "operatingMode",
    "resources",
    "securityContext",
    "podSecurityContext",
    "labels",
    "annotations",
    "automountServiceAccountToken",
    "serviceAccountName",
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "priorityClassName",
    "runtimeClassName",
    "terminationGracePeriodSeconds",
    "minReadySeconds",
    "hostAliases",
    "dnsPolicy",
    "dnsConfig",
    "probes",
    "volumes",
    "volumeMounts",
    "volumeClaimTemplates",
    "volumeRetention",
    "sidecars",
    "initContainers",
    "service",
    "updateStrategy",
    "disruptionBudget",
    "reportLogTail",
    "restartedAt",
    "podTemplatePatch",
    "permissionProfile",
    "isolateNetwork",
    "verification",
}


def test_the_fields_are_those_of_this_version() -> None:
    """A field is added to the API on purpose."""
    schema = root()["properties"]

    assert set(schema["spec"]["properties"]) == SPEC_FIELDS
    assert set(schema["status"]["properties"]) == {
        "conditions",
        "observedGeneration",
        "replicas",
        "readyReplicas",
        "updatedReplicas",
        "selector",
        "url",
        "restarts",
        "lastTermination",
        "pods",
        "permissions",
        "server",
    }


def test_required_fields_are_refused_by_rules_with_a_message() -> None:
    """`required` would say "Required value" and nothing else, and keep our rules from running."""
    spec = root()["properties"]["spec"]
    rules = {rule["fieldPath"]: rule for rule in spec["x-kubernetes-validations"]}

    assert "required" not in root()
    assert "required" not in spec
    assert "required" not in spec["properties"]["transport"]
    for field in ("image", "transport"):
        assert rules[f".{field}"]["rule"] == f"has(self.{field})"
        assert rules[f".{field}"]["reason"] == "FieldValueRequired"


def test_every_rule_has_one_line_of_message() -> None:
    """A rule without message would show its CEL; one with line breaks is refused."""
    rules = [
        rule for _, level in levels(root()) for rule in level.get("x-kubernetes-validations", ())
    ]

    assert len(rules) >= 12
    for rule in rules:
        assert rule["message"]
        assert "\n" not in rule["message"]


def test_rules_iterate_only_over_what_is_bounded() -> None:
    """The API server prices an unbounded iteration out of the schema."""
    for path, level in levels(root()):
        text = json.dumps(level.get("x-kubernetes-validations", ()))
        if "self.all(" in text or "self.exists(" in text:
            assert "maxProperties" in level or "maxItems" in level, path


def test_names_and_subresources() -> None:
    """What kubectl, autoscalers and the operator address."""
    spec = build_crd()["spec"]
    version = spec["versions"][0]

    assert build_crd()["metadata"]["name"] == "mcpworkloads.mcpworkload.dev"
    assert spec["names"] == {
        "kind": names.KIND,
        "listKind": "MCPWorkloadList",
        "plural": "mcpworkloads",
        "singular": "mcpworkload",
        "shortNames": ["mcpw"],
        "categories": ["mcp"],
    }
    assert (version["name"], version["served"], version["storage"]) == ("v1alpha1", True, True)
    assert version["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }
    columns = version["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == [
        "Ready",
        "Reason",
        "Transport",
        "Replicas",
        "Restarts",
        "URL",
        "Age",
    ]


def test_built_twice_equal_and_independent() -> None:
    """A caller may edit what it receives."""
    first, second = build_crd(), build_crd()

    first["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"].clear()

    assert second == build_crd() != first
