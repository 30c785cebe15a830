"""The children that the floor applies: the operator's own, with placeholders."""

import json

from mcpworkload.api.workload import Workload
from mcpworkload.controller.children import CHILD_TYPES
from mcpworkload.controller.desired import build_children
from mcpworkload.kube.manifest import Manifest
from tests.perf.scale.contender import Contender

# Stand for a workload's values while the children are built; each is what the API would take.
_NAME, _NAMESPACE, _UID, _IMAGE = "bench-name", "bench-namespace", "bench-uid", "bench-image:1"
_PLACEHOLDERS = {_NAMESPACE: "{namespace}", _NAME: "{name}", _UID: "{uid}", _IMAGE: "{image}"}


def write_children(contender: Contender) -> list[dict[str, str]]:
    """
    Return of each child the path to apply it to and the body, as text with placeholders.

    The bodies are the manifests that the operator of this checkout applies for the contender's
    workload, their digests among them.
    """
    body = json.loads(contender.workload.replace("{name}", _NAME).replace("{image}", _IMAGE))
    body["metadata"] |= {"namespace": _NAMESPACE, "uid": _UID, "generation": 1}
    return [
        {
            "path": _with_placeholders(_path(child.manifest)),
            "body": _with_placeholders(json.dumps(child.manifest, separators=(",", ":"))),
        }
        for child in build_children(Workload.parse(body))
    ]


def _path(manifest: Manifest) -> str:
    kind = CHILD_TYPES[manifest["kind"]]
    prefix = "apis" if "/" in kind.api_version else "api"
    metadata = manifest["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    return f"/{prefix}/{kind.api_version}/namespaces/{namespace}/{kind.plural}/{name}"


def _with_placeholders(text: str) -> str:
    for value, placeholder in _PLACEHOLDERS.items():
        text = text.replace(value, placeholder)
    return text
