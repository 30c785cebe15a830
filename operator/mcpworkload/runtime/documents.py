"""Pure: JSON and YAML from a caller. No field is ignored, since it might be a rule."""

import json
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import yaml

from mcpworkload.runtime.arguments import refused, text

_WHERE = "permission_profile"
# What the YAML reader raises where a tag does not fit its value, or a key is a list.
_FROM_YAML = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


def parse_json(document: Any) -> Any:
    """
    Return the value that *document* holds.

    Raises:
        WorkloadInvalid: it is no JSON, or has a key twice.
    """
    try:
        return json.loads(text(document, "text"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise refused(_WHERE, f"is not JSON: {error}") from None


def parse_yaml(document: Any) -> Any:
    """
    Return the value that *document* holds.

    Raises:
        WorkloadInvalid: it is no YAML, or has a key twice.
    """
    try:
        # A subclass of the safe loader.
        return yaml.load(text(document, "text"), _Loader)  # noqa: S506
    except (yaml.YAMLError, *_FROM_YAML) as error:
        raise refused(_WHERE, f"is not YAML: {error}") from None


class _Loader(yaml.SafeLoader):
    """Takes no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        _unique((key.value, None) for key, _ in node.value)
        return super().construct_mapping(node, deep)


def _unique(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} occurs twice")
        found[key] = value
    return found


def camel(name: str) -> str:
    """Return a field's name as an MCPWorkload spells it."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


class Fields:
    """The fields of an object, each taken once, in either spelling."""

    def __init__(self, data: Any, path: str) -> None:
        if not isinstance(data, Mapping):
            raise refused(path, "write an object")
        self.path = path
        self._rest = dict(data)

    def take(self, key: str) -> Any:
        """
        Return the field of that name, snake_case or camelCase; None where it is missing.

        Raises:
            WorkloadInvalid: the field occurs in both spellings.
        """
        spellings = [spelling for spelling in {key, camel(key)} if spelling in self._rest]
        if len(spellings) > 1:
            raise refused(f"{self.path}.{key}", f"it occurs twice, also as {camel(key)}")
        return self._rest.pop(spellings[0]) if spellings else None

    def part(self, key: str) -> "Fields":
        """Return the object in a field; an empty one where it is missing."""
        found = self.take(key)
        return Fields({} if found is None else found, f"{self.path}.{key}")

    def refuse_rest(self) -> None:
        """
        Accept no field that has not been taken.

        Raises:
            WorkloadInvalid: a rule that is ignored would be worse than one that is refused.
        """
        for key in self._rest:
            raise refused(f"{self.path}.{key}", "no such field")
