"""
Put the paths of the spec into the API server's messages on a pod template.

The API server names paths in the StatefulSet, whose lists also have entries of the operator's: the
user has not written `spec.template.spec.containers[0].env[7]`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.controller.admission import pointer
from mcpworkload.controller.admission.origins import origin_of, raw
from mcpworkload.kube.manifest import Manifest

_PATH = re.compile(r"\.?\bspec\.template\.(?:spec|metadata)(?:\.[A-Za-z]\w*|\[[^\]\s]+\])+")
_STEP = re.compile(r"\.([A-Za-z]\w*)|\[([^\]]+)\]")
# An entry as server-side apply calls it.
_BY_NAME = re.compile(r'name="([^"]*)"')


def name_fields(text: str, template: Manifest, spec: WorkloadSpec) -> str:
    """Return *text* with paths into *template* replaced by those of the spec, where it has any."""
    return _PATH.sub(lambda match: _named(match[0], template, spec), text)


def name_field(steps: Sequence[str], template: Manifest, spec: WorkloadSpec) -> str:
    """Return the spec's path for the value at *steps* of *template*, else the template's."""
    origin = origin_of(steps, template, raw(spec))
    return origin or f"pod template {pointer.join(steps)}"


def _named(path: str, template: Manifest, spec: WorkloadSpec) -> str:
    steps = list(_steps(path, template))
    try:
        return origin_of(steps, template, raw(spec)) or path
    except (IndexError, KeyError, TypeError, ValueError):
        # It is of an object that is not quite this template, which others write to as well.
        return path


def _steps(path: str, template: Manifest) -> Iterator[str]:
    """Yield the steps into the template; an entry addressed by its name becomes its number."""
    node: Any = template
    for field, index in _STEP.findall(path.removeprefix(".").removeprefix("spec.template")):
        step = field or index
        if index and (match := _BY_NAME.fullmatch(index)) and isinstance(node, list):
            found = [entry.get("name") for entry in node if isinstance(entry, Mapping)]
            step = str(found.index(match[1])) if match[1] in found else index
        yield step
        if isinstance(node, list) and step.isdecimal():
            node = node[int(step)] if int(step) < len(node) else None
        else:
            node = node.get(step) if isinstance(node, Mapping) else None
