"""Pure: errors of the Kubernetes client as errors of the library, with advice."""

import re

from mcpworkload.kube.errors import Answer, ApiError
from mcpworkload.runtime.errors import (
    RightsMissing,
    RuntimeClosed,
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


def workload_error(error: ApiError, workload: str = "") -> WorkloadError:
    """Return the library's error for *error*, with the API server's message."""
    status, message = error.status, error.answer.message
    if not status:
        return _no_answer(error, workload)
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
        return _not_found(message, error.answer, workload)
    if status == 409:
        advice = "change it where it is managed, or give those fields up there first"
        return WorkloadConflict(message, workload=workload, reason="Conflict", advice=advice)
    if status in _REFUSED or _MISTYPED.search(message):
        fields = _fields(error.answer) or tuple(dict.fromkeys(_AT.findall(message)))
        return WorkloadInvalid(message, workload=workload, reason="Invalid", fields=fields)
    return RuntimeUnavailable(message, workload=workload, reason=error.answer.reason)


def _no_answer(error: ApiError, workload: str) -> RuntimeUnavailable:
    cause = error.__cause__ or error
    why = "no answer in time" if isinstance(cause, TimeoutError) else str(cause)
    return RuntimeUnavailable(
        f"the API server does not answer: {why}",
        workload=workload,
        advice="check that the cluster is up and the context is the right one",
    )


def closed(workload: str = "") -> RuntimeClosed:
    """Return the error for a request to a connection that is closed."""
    return RuntimeClosed(
        "the runtime is closed", workload=workload, advice="open another with from_environment"
    )


def _missing_rule(message: str) -> str:
    """Return the rule that the caller's Role lacks, as far as *message* names it."""
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
    Return the error for a WebSocket that is refused; the API server gives no reason for one.

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


def _not_found(message: str, answer: Answer, workload: str) -> WorkloadError:
    kind = answer.details.kind if answer.details else None
    if kind is None:
        # No Status of an object: the API server does not know the path.
        return RuntimeUnavailable(
            "the cluster does not serve MCPWorkloads",
            workload=workload,
            reason="NotInstalled",
            advice="install the CRD and the operator: see docs/operations.md",
        )
    if kind == "namespaces":
        return WorkloadInvalid(
            message, workload=workload, reason="NoNamespace", fields=("namespace",)
        )
    return WorkloadNotFound(message, workload=workload, reason="NotFound")


def _fields(answer: Answer) -> tuple[str, ...]:
    fields = (cause.field for cause in answer.causes)
    return tuple(dict.fromkeys(field for field in fields if field not in ("", "<nil>")))
