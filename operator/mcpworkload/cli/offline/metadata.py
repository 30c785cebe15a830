"""Pure: what Kubernetes requires of the metadata of every object."""

import re
from collections.abc import Iterator
from typing import Any, Final

from mcpworkload.api.problems import found
from mcpworkload.api.rules import (
    LABEL_KEYS,
    LABEL_VALUE_MAX_LENGTH,
    LABEL_VALUE_PATTERN,
    is_qualified_name,
)
from mcpworkload.cli.offline.structure import (
    Problem,
    Schema,
    complete,
    faults,
    is_time,
    step,
    unknown_fields,
)

_PATH: Final = "metadata"
_ANNOTATIONS_SIZE: Final = 256 * 1024
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_TIMES: Final = ("creationTimestamp", "deletionTimestamp")
# A null stands for what is not there, in all of it.
_TEXT: Schema = {"type": "string", "nullable": True}
_NUMBER: Schema = {"type": "integer", "format": "int64", "nullable": True, "minimum": 0}
_TEXTS: Schema = {"type": "object", "nullable": True, "additionalProperties": _TEXT}
_CHOICE: Schema = {"type": "boolean", "nullable": True}
_ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "nullable": True, "items": items}


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields}


_OWNER = {
    **_object(
        apiVersion={"type": "string", "minLength": 1},
        kind={"type": "string", "minLength": 1},
        name={"type": "string", "minLength": 1},
        uid={"type": "string", "minLength": 1},
        controller=_CHOICE,
        blockOwnerDeletion=_CHOICE,
    ),
    "required": ["apiVersion", "kind", "name", "uid"],
}
_MANAGED = _object(
    manager=_TEXT,
    operation=_TEXT,
    apiVersion=_TEXT,
    time=_TEXT,
    fieldsType=_TEXT,
    subresource=_TEXT,
    fieldsV1=_ANYTHING,
)
SCHEMA: Final = _object(
    name=_TEXT,
    generateName=_TEXT,
    namespace=_TEXT,
    selfLink=_TEXT,
    uid=_TEXT,
    resourceVersion=_TEXT,
    generation=_NUMBER,
    creationTimestamp=_TEXT,
    deletionTimestamp=_TEXT,
    deletionGracePeriodSeconds=_NUMBER,
    labels=_TEXTS,
    annotations=_TEXTS,
    ownerReferences=_list_of(_OWNER),
    finalizers=_list_of(_TEXT),
    managedFields=_list_of(_MANAGED),
)


def check_metadata(metadata: Any) -> Iterator[Problem]:
    """Yield what the API server would refuse in *metadata*; the name has its own check."""
    yield from unknown_fields(metadata, SCHEMA, _PATH)
    wrong = list(faults(complete(metadata, SCHEMA), SCHEMA, _PATH))
    yield from wrong
    if wrong:
        return
    for field in _TIMES:
        if metadata.get(field) is not None and not is_time(metadata[field]):
            yield _problem(field, metadata[field], 'write a time such as "2026-01-31T12:00:00Z"')
    namespace = metadata.get("namespace")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        yield _problem("namespace", namespace, "write lower-case letters, digits and dashes")
    for number, name in enumerate(metadata.get("finalizers") or ()):
        if not is_qualified_name(name or ""):
            yield _problem(f"finalizers[{number}]", name, "write a name with a domain and a slash")
    yield from _labels(metadata.get("labels") or {})
    yield from _annotations(metadata.get("annotations") or {})


def _labels(labels: dict[str, str | None]) -> Iterator[Problem]:
    for key, value in labels.items():
        path = step("labels", key)
        if not is_qualified_name(key):
            yield _problem(path, key, LABEL_KEYS.message)
        text = value or ""
        if len(text) > LABEL_VALUE_MAX_LENGTH or not re.fullmatch(LABEL_VALUE_PATTERN[1:-1], text):
            words = "write at most 63 letters, digits, dashes, dots and underscores"
            yield _problem(path, text, f"{words}; a letter or digit at both ends")


def _annotations(annotations: dict[str, str | None]) -> Iterator[Problem]:
    for key in annotations:
        if not is_qualified_name(key.lower()):
            yield _problem(step("annotations", key), key, LABEL_KEYS.message)
    size = sum(len(key.encode()) + len((text or "").encode()) for key, text in annotations.items())
    if size > _ANNOTATIONS_SIZE:
        yield Problem(
            f"{_PATH}.annotations", f"found {size} bytes; write {_ANNOTATIONS_SIZE} at most"
        )


def _problem(field: str, value: Any, remedy: str) -> Problem:
    return Problem(f"{_PATH}.{field}", f"found {found(value)}; {remedy}")
