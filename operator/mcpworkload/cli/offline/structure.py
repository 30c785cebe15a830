"""
Pure: a value against a structural schema, in the steps of the API server.

It finds unknown fields, takes out nulls, fills in defaults, and checks types and bounds. The rules
in CEL have twins beside the models, which `admission` applies.
"""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from mcpworkload.api.problems import REMEDIES, found

Schema = dict[str, Any]
_INT_RANGES: Final = {"int32": 2**31, "int64": 2**63}
_TYPES: Final[dict[str, tuple[type, str]]] = {
    "object": (dict, "model_type"),
    "array": (list, "list_type"),
    "string": (str, "string_type"),
    "boolean": (bool, "bool_type"),
    "integer": (int, "int_type"),
}
# Each bound, the type that it applies to, the error for a breach, and the parameter of its text.
_BOUNDS: Final[tuple[tuple[str, type, str, str], ...]] = (
    ("minimum", int, "greater_than_equal", "ge"),
    ("maximum", int, "less_than_equal", "le"),
    ("minLength", str, "string_too_short", "min_length"),
    ("maxLength", str, "string_too_long", "max_length"),
    ("minItems", list, "too_short", "min_length"),
    ("maxItems", list, "too_long", "max_length"),
    ("minProperties", dict, "too_short", "min_length"),
    ("maxProperties", dict, "too_long", "max_length"),
)
# As the API server's format has it: more than RFC 3339 allows, and no time zone by its name.
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)t(\d\d):(\d\d):(\d\d)(.\d+)?(z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """A violation of the schema: the field's path, what was found, and what would be right."""

    path: str
    text: str

    def __str__(self) -> str:
        """The path and the text, as every problem of a spec is printed."""
        return f"{self.path}: {self.text}"


def complete(value: Any, schema: Schema) -> Any:
    """Return a copy of *value* as the API server stores it: without nulls, with defaults."""
    match value:
        case dict():
            return _completed(value, schema)
        case list():
            return [complete(item, schema.get("items", {})) for item in value]
    return value


def _completed(value: Schema, schema: Schema) -> Schema:
    result: Schema = {}
    for key, item in value.items():
        part = _part(schema, key)
        if part is not None and (item is not None or _keeps_null(part)):
            result[key] = complete(item, part)
    for key, part in schema.get("properties", {}).items():
        if "default" in part and key not in result:
            result[key] = complete(deepcopy(part["default"]), part)
    return result


def unknown_fields(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    """Yield fields that the schema does not have, each with the one that may be meant."""
    match value:
        case dict() if "properties" in schema or "additionalProperties" in schema:
            for key, item in value.items():
                part = _part(schema, key)
                if part is not None:
                    yield from unknown_fields(item, part, step(path, key))
                else:
                    yield Problem(step(path, key), _unknown(key, schema.get("properties", {})))
        case list():
            for number, item in enumerate(value):
                yield from unknown_fields(item, schema.get("items", {}), f"{path}[{number}]")


def faults(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    """Yield what the schema refuses in *value*, which has its defaults and no needless nulls."""
    remedy = _wrong_type(value, schema)
    if remedy:
        yield Problem(path, f"found {found(value)}; {remedy}")
        return
    if value is None:
        return
    yield from _wrong_value(value, schema, path)
    match value:
        case dict():
            for key in schema.get("required", ()):
                if key not in value:
                    yield Problem(step(path, key), "missing; write it")
            for key, item in value.items():
                yield from faults(item, _part(schema, key) or {}, step(path, key))
        case list():
            for number, item in enumerate(value):
                yield from faults(item, schema.get("items", {}), f"{path}[{number}]")
            yield from _repeated(value, schema, path)


def step(path: str, key: str) -> str:
    """Return the path of the field *key* of what is at *path*."""
    if not re.fullmatch(r"[A-Za-z_]\w*", key):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def is_time(text: str) -> bool:
    """Return whether the API server takes *text* as a time in a field of that format."""
    match = _TIME.fullmatch(text.lower())
    if match is None:
        return False
    try:
        datetime(*(int(part) for part in match.groups()[:6]))  # type: ignore[arg-type]
    except ValueError:
        return False
    return True


def _part(schema: Schema, key: str) -> Schema | None:
    """Return the schema of the field *key*; None where there is no such field."""
    known: Schema | None = schema.get("properties", {}).get(key)
    if known is not None:
        return known
    others = schema.get("additionalProperties")
    if others is not None:
        return others if isinstance(others, dict) else {}
    return {} if schema.get("x-kubernetes-preserve-unknown-fields") or not schema else None


def _keeps_null(part: Schema) -> bool:
    return bool(part.get("nullable")) or not part


def _unknown(key: str, fields: Schema) -> str:
    by_lower = {name.lower(): name for name in fields}
    close = get_close_matches(key.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f"there is no such field; did you mean {by_lower[close[0]]}?"
    if len(fields) <= 8:
        return f"there is no such field; there are {', '.join(fields)}"
    return "there is no such field; leave it out"


def _wrong_type(value: Any, schema: Schema) -> str:
    """Return what to write in place of *value*; empty where its type is right."""
    if value is None:
        if (
            schema.get("nullable")
            or not schema
            or ("type" not in schema and not _is_either(schema))
        ):
            return ""
        return "leave it out" if _is_either(schema) else REMEDIES[_TYPES[schema["type"]][1]]
    if _is_either(schema):
        fits = isinstance(value, str) or _is_integer(value, "int64")
        return "" if fits else "write a whole number, or text"
    kind = schema.get("type")
    if kind is None:
        return ""
    expected, remedy = _TYPES[kind]
    if kind == "integer":
        if not isinstance(value, bool) and isinstance(value, int):
            # As there: a format counts only where the schema has a bound as well.
            is_bounded = "minimum" in schema or "maximum" in schema
            form = schema.get("format", "int64") if is_bounded else "int64"
            return "" if _is_integer(value, form) else f"write a number that fits into {form}"
        return REMEDIES[remedy]
    return "" if isinstance(value, expected) else REMEDIES[remedy]


def _is_either(schema: Schema) -> bool:
    return bool(schema.get("x-kubernetes-int-or-string"))


def _is_integer(value: Any, form: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return -_INT_RANGES[form] <= value < _INT_RANGES[form]


def _wrong_value(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    if "enum" in schema and value not in schema["enum"]:
        choices = " or ".join(json.dumps(choice) for choice in schema["enum"])
        yield Problem(path, f"found {found(value)}; write {choices}")
    pattern = schema.get("pattern")
    if pattern and isinstance(value, str) and not _compiled(pattern).search(value):
        yield Problem(path, f"found {found(value)}; {_pattern_remedy(pattern)}")
    if schema.get("format") == "date-time" and isinstance(value, str) and not is_time(value):
        yield Problem(path, f'found {found(value)}; write a time such as "2026-01-31T12:00:00Z"')
    for keyword, kind, remedy, name in _BOUNDS:
        if keyword not in schema or not isinstance(value, kind):
            continue
        size, bound = _size(value), schema[keyword]
        if size < bound if keyword.startswith("min") else size > bound:
            words = REMEDIES[remedy].format(**{name: bound})
            yield Problem(path, f"found {found(value)}; {words}")


def _size(value: Any) -> int:
    return value if isinstance(value, int) else len(value)


def _pattern_remedy(pattern: str) -> str:
    if "KMGTPE" in pattern:
        return 'write an amount, such as 2, 500m, 64Mi or "0.5"'
    return REMEDIES["string_pattern_mismatch"].format(pattern=pattern)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """*pattern* as Go reads it: $ is the end and not before a last line break."""
    whole = f"{pattern[:-1]}\\Z" if pattern.endswith("$") else pattern
    return re.compile(whole, re.ASCII)


def _repeated(value: list[Any], schema: Schema, path: str) -> Iterator[Problem]:
    kind = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: set[str] = set()
    for number, item in enumerate(value):
        if kind == "map" and isinstance(item, dict):
            marked = {key: item[key] for key in keys if key in item}
            words = ", ".join(f"{key} {found(part)}" for key, part in marked.items())
        elif kind == "set":
            marked, words = item, found(item)
        else:
            return
        mark = json.dumps(marked, sort_keys=True)
        if mark in seen:
            yield Problem(f"{path}[{number}]", f"found {words} a second time; write it once")
        seen.add(mark)
