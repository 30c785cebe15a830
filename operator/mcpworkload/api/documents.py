"""
Documents that hold a permission profile, read strictly.

No field is ignored, since it might be a rule. Keys are snake_case, as ToolHive has them, or
camelCase, as an MCPWorkload has them.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from mcpworkload.api.problems import found

#: The fields of an object; those of a field that is an object itself, else None.
Shape = Mapping[str, "Shape | None"]

INLINE_SHAPE: Shape = {
    "name": None,
    "read": None,
    "write": None,
    "network": {
        "mode": None,
        "outbound": dict.fromkeys(
            ("insecure_allow_all", "allow_host", "allow_port", "allow_private_host")
        ),
        "inbound": {"allow_host": None},
    },
    "privileged": None,
    "cap_add": None,
    "cap_drop": None,
    "security_opt": None,
}


class BadDocument(ValueError):
    """A document is no profile: `path` ("network.outbound") is where, the message why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path = path


def parse_json(text: str) -> Any:
    """
    Return the value that *text* holds.

    Raises:
        ValueError: it is no JSON, has a key twice, or a half of a character.
    """
    try:
        data = json.loads(text, object_pairs_hook=unique)
        # JSON can spell one half of a pair (\ud800), which no other text can hold.
        json.dumps(data, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("it has one half of a surrogate pair alone") from None
    return data


def unique(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """
    Return *pairs* as a mapping.

    Raises:
        ValueError: a key occurs twice, and one of its values would be ignored.
    """
    values: dict[Any, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key!r} occurs twice")
        values[key] = value
    return values


def checked_fields(data: Any, shape: Shape, path: str = "") -> dict[str, Any]:
    """
    Return *data* with no fields but those of *shape*, spelled as they were, without null.

    Raises:
        BadDocument: something is no object, a field is unknown, or occurs in both spellings.
    """
    if not isinstance(data, Mapping):
        raise BadDocument(path, f"found {found(data)}; write an object")
    known = {spelling: key for key in shape for spelling in (key, to_camel(key))}
    values: dict[str, Any] = {}
    seen: set[str] = set()
    for spelling, value in data.items():
        where = f"{path}.{spelling}" if path else str(spelling)
        if spelling not in known:
            raise BadDocument(where, f"no such field; there are {', '.join(shape)}")
        key = known[spelling]
        if key in seen:
            where = f"{path}.{key}" if path else key
            raise BadDocument(where, f"it occurs twice, as {key} and {to_camel(key)}")
        seen.add(key)
        inner = shape[key]
        if value is not None:
            values[spelling] = value if inner is None else checked_fields(value, inner, where)
    return values
