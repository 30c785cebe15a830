"""
Random specs: parts that users write, mixed, and fields that only follow the CRD's schema.

The parts (`traits.py`) alone would find nothing that nobody thought of; the schema alone is
refused by the API server nearly always, before the operator has anything to do.
"""

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.support.spec_parts import REFUSED, TRAITS, combine

CRD = Path(__file__).parents[2] / "crds" / "mcpworkload.yaml"
Schema = dict[str, Any]

# One spec in so many has a part that is refused, a field that only follows the schema, none but
# such fields, or here and there a value that nobody means.
_WITH_A_FAULT = 6
_SPOILT = 5
_SPOILT_VALUES = 20
_WITH_A_WILD_FIELD = 4
_ALL_WILD = 10
_MOST_TRAITS = 9
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
    "mode": ("0644", "bridge"),
    # Of seccomp and AppArmor; of other things an enumeration has it.
    "type": ("RuntimeDefault", "Unconfined"),
    "procMount": ("Default", "Unmasked"),
    "fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "supplementalGroupsPolicy": ("Merge", "Strict"),
    "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
    "read": ("configmap://a:/a", "secret://a:/b", "/a"),
    "write": ("volume://a:/a", "emptydir://:/b"),
    "allowHost": (".example.com", "192.0.2.0/24", "a"),
    "allowPrivateHost": ("10.0.0.0/8", "a"),
    "capAdd": ("NET_BIND_SERVICE", "SYS_ADMIN"),
    "capDrop": ("ALL", "KILL"),
    "securityOpt": ("no-new-privileges", "label=disable"),
}
_WORDS = ("a", "b", "data", "tmp", "mcp", "x-1")
_ODD_TEXTS = ("", "é\u200b", "x" * 300, "-1", "{}%s", "\n")
_ODD_NUMBERS = (0, -1, 2**31 - 1, 2**31, 2**63 - 1)
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
    spec = _mix_traits(random)
    if _is_one_in(_ALL_WILD, random):
        spec = _make(spec_schema(), "spec", 0, random)
    if _is_one_in(_SPOILT, random):
        spec = _spoil(spec, random)
    transport = {
        "type": random.choice(("sse", "stdio", "streamable-http")),
        "port": random.choice((8080, 1, 65535)),
        **random.choice(({}, {"path": "/"}, {"path": "/a/b"})),
    }
    if transport["type"] == "stdio":
        transport |= _bridge(random)
    return {**spec, "image": "weather:1", "transport": transport}


def _bridge(random: Random) -> dict[str, Any]:
    """What may be said of the bridge of a stdio server, most of it left out."""
    choices: dict[str, tuple[Any, ...]] = {
        "bridge": ("Auto", "Inject", "Attach", "None"),
        "serve": (["sse"], ["streamable-http", "sse"]),
        "sessions": ("PerSession", "Shared"),
        "maxSessions": (1, 1024),
        "idleTimeout": ("1s", "99999h", "1h30m", "5ms"),
        "requestTimeout": ("90s", "1500ms"),
    }
    names = {"allowedHosts": ["a.example.com"], "allowedOrigins": ["https://a.example.com"]}
    options = {key: random.choice(given) for key, given in choices.items() if _is_one_in(4, random)}
    return {
        **random.choice(({}, {"stdio": options})),
        **{key: given for key, given in names.items() if _is_one_in(4, random)},
    }


def make_spec_with_rights(seed: int) -> dict[str, Any]:
    """The same, with wild security contexts and sidecars in many."""
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    spec = make_spec(seed)
    for field in ("podSecurityContext", "securityContext", "sidecars"):
        if _is_one_in(3, random):
            spec[field] = _make(spec_schema()["properties"][field], field, 1, random)
    return spec


def _mix_traits(random: Random) -> dict[str, Any]:
    traits = random.sample(TRAITS, random.randint(0, _MOST_TRAITS))
    if _is_one_in(_WITH_A_FAULT, random):
        traits.insert(random.randint(0, len(traits)), random.choice(REFUSED))
    spec = combine(traits)
    if _is_one_in(_WITH_A_WILD_FIELD, random):
        field, schema = random.choice(list(spec_schema()["properties"].items()))
        spec[field] = _make(schema, field, 1, random)
    return spec


def _spoil(value: Any, random: Random) -> Any:
    """*value* with some null, odd texts and odd numbers in it, never in its own place."""
    match value:
        case dict():
            return {key: _spoil_one(each, random) for key, each in value.items()}
        case list():
            return [_spoil_one(each, random) for each in value]
    return value


def _spoil_one(value: Any, random: Random) -> Any:
    if not _is_one_in(_SPOILT_VALUES, random):
        return _spoil(value, random)
    odd = _ODD_TEXTS if isinstance(value, str) else _ODD_NUMBERS if type(value) is int else ()
    return random.choice((None, *odd))


def _is_one_in(number: int, random: Random) -> bool:
    return random.randrange(number) == 0


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
