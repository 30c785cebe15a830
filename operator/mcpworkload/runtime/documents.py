"""Pure: JSON and YAML from a caller. No field is ignored, since it might be a rule."""

from collections.abc import Hashable
from typing import Any

import yaml

from mcpworkload.api import documents
from mcpworkload.api.documents import unique
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
        return documents.parse_json(text(document, "text"))
    except ValueError as error:
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
        unique((key.value, None) for key, _ in node.value)
        return super().construct_mapping(node, deep)
