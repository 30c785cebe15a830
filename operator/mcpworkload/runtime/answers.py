"""Pure: what an answer of the API server that is no success means for a caller."""

import json
import re
from collections.abc import Mapping
from typing import Any

from mcpworkload.runtime.errors import (
    RightsMissing,
    RuntimeUnavailable,
    WorkloadConflict,
    WorkloadError,
    WorkloadInvalid,
    WorkloadNotFound,
)

# Server-side apply answers a field that the CRD does not have with 500, and only in prose.
_UNDECLARED = re.compile(r"\.([\w.\[\]]+): field not declared in schema")
_MISTYPED = re.compile(r"failed to create typed patch object")
_AT = re.compile(r"\.([A-Za-z][^\s:]*): ")
_FORBIDDEN = re.compile(
    r'cannot (?P<verb>[\w, ]+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
# What no repetition heals: the request itself is not what the API server takes.
_REFUSED = frozenset({400, 405, 406, 413, 414, 415, 422, 431})


def error_of(status: int, content: bytes, workload: str = "") -> WorkloadError:
    """The error that an HTTP answer stands for, in the API server's words."""
    answer = _decode(content)
    message = answer.get("message") or content.decode(errors="replace").strip() or f"HTTP {status}"
    if undeclared := _UNDECLARED.findall(message):
        return WorkloadInvalid(
            f"the installed CRD has no {', '.join(undeclared)}",
            workload=workload,
            reason="UnknownField",
            advice="leave the argument out, or install a newer CRD and operator",
            fields=tuple(undeclared),
        )
    if status == 401:
        advice = "the credentials of this context are not accepted: log in again"
        return RightsMissing(message, workload=workload, reason="Unauthorized", advice=advice)
    if status == 403:
        advice = _missing_rule(message)
        return RightsMissing(message, workload=workload, reason="Forbidden", advice=advice)
    if status == 404:
        return _not_found(message, answer, workload)
    if status == 409:
        advice = "change it where it is kept, or give those fields up there first"
        return WorkloadConflict(message, workload=workload, reason="Conflict", advice=advice)
    if status in _REFUSED or _MISTYPED.search(message):
        fields = _fields(answer) or tuple(dict.fromkeys(_AT.findall(message)))
        return WorkloadInvalid(message, workload=workload, reason="Invalid", fields=fields)
    return RuntimeUnavailable(message, workload=workload, reason=answer.get("reason", ""))


def _missing_rule(message: str) -> str:
    """What the caller's Role lacks, as far as the API server says it."""
    found = _FORBIDDEN.search(message)
    where = "docs/library.md lists what each method needs"
    if found is None:
        return f"add the rule to the caller's Role: {where}"
    role = f"Role in namespace {found['namespace']}" if found["namespace"] else "ClusterRole"
    rule = (
        f'apiGroups: ["{found["group"]}"], resources: [{found["resource"]}], '
        f"verbs: [{found['verb']}]"
    )
    return f"give the caller a {role} with {rule}; {where}"


def forbidden(path: str, workload: str = "") -> RightsMissing:
    """
    The error for a WebSocket that is refused, of which the API server says nothing else.

    *path* is that of a subresource of a pod.
    """
    _, _, rest = path.partition("/namespaces/")
    namespace, _, pod, subresource = rest.split("/")
    resource = f"pods/{subresource}"
    return RightsMissing(
        f"{resource} is forbidden: the caller may not get and create it for pod {pod}",
        workload=workload,
        reason="Forbidden",
        advice=_missing_rule(
            f'cannot get, create resource "{resource}" in API group "" '
            f'in the namespace "{namespace}"'
        ),
    )


def _not_found(message: str, answer: Mapping[str, Any], workload: str) -> WorkloadError:
    kind = (answer.get("details") or {}).get("kind")
    if kind is None:
        # No Status of an object: the API server does not know the path.
        return RuntimeUnavailable(
            "the cluster does not serve MCPWorkloads",
            workload=workload,
            reason="NotInstalled",
            advice="install the CRD and the operator: README.md says how",
        )
    if kind == "namespaces":
        return WorkloadInvalid(
            message, workload=workload, reason="NoNamespace", fields=("namespace",)
        )
    return WorkloadNotFound(message, workload=workload, reason="NotFound")


def _fields(answer: Mapping[str, Any]) -> tuple[str, ...]:
    causes = (answer.get("details") or {}).get("causes") or ()
    fields = (str(cause.get("field", "")) for cause in causes)
    return tuple(dict.fromkeys(field for field in fields if field not in ("", "<nil>")))


def _decode(content: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, Mapping) else {}
