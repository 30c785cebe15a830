"""
What can go wrong, and whether looking again can help.

::

    OperatorError
    ├── Refusal              the workload was not turned into children: a condition says so
    │   ├── ApplyFailed      the API server could not do it: retried with backoff
    │   ├── InvalidSpec      a field is wrong: no look before it changes
    │   ├── PatchRejected    an operation of the template patch cannot be applied
    │   ├── PolicyDenied     the pods asked for are not allowed in this installation
    │   ├── ReferenceNotFound  a ConfigMap, a Secret or a key is missing: its arrival is an event
    │   ├── Rejected         the API server refused a child: no look before the spec changes
    │   ├── ChildForbidden   rights or quota are missing: looked at again after a while
    │   └── ChildConflict    a child's name is taken: looked at again after a while
    └── ApiError             what the API answered, translated in one place
        ├── Unavailable      no answer, time-out, 5xx, 429: retried with backoff
        ├── Forbidden        403, quota and missing rights alike
        ├── NamespaceEnding  403, because the namespace is being deleted: nothing to be done
        ├── NotFound         404
        ├── Conflict         409
        ├── Gone             410: a watch or list has expired
        └── Refused          every other 4xx
"""

from mcpworkload.reasons import AcceptedReason


class OperatorError(Exception):
    """The root of everything that this package raises on purpose."""


class Refusal(OperatorError):
    """
    Why a workload was not turned into children; the message says what would be right.

    `reason` becomes the condition's, `retry_after` is in how many seconds to look again; None
    means not before something changes.
    """

    reason = AcceptedReason.INVALID_SPEC
    retry_after: float | None = None
    #: Whether only a new spec can help: tools that wait should give up.
    is_final = False
    #: Whether its words are the cluster's, which may quote anything.
    is_quoting = False


class ApplyFailed(Refusal):
    """The API server has been failing for a while to do what we ask; its words."""

    reason = AcceptedReason.APPLY_FAILED
    is_quoting = True


class InvalidSpec(Refusal):
    """A field of the spec is wrong: the message starts with its path."""

    is_final = True


class PatchRejected(Refusal):
    """An operation of `spec.podTemplatePatch` fails, or leaves something that is no template."""

    reason = AcceptedReason.PATCH_REJECTED
    is_final = True

    def __init__(self, index: int, op: str, path: str, why: str) -> None:
        where = path or "the whole template"
        super().__init__(f"spec.podTemplatePatch[{index}] ({op} {where}): {why}")
        self.index = index
        self.op = op
        self.path = path


class PolicyDenied(Refusal):
    """The pod template, whatever made it, asks for what this installation does not allow."""

    reason = AcceptedReason.POLICY_DENIED
    is_final = True


class ReferenceNotFound(Refusal):
    """The pods need a ConfigMap, a Secret or a key of one that is not there; the watch tells."""

    reason = AcceptedReason.REFERENCE_NOT_FOUND


class Rejected(Refusal):
    """The API server refuses a child, or its deletion; repeating the request cannot help."""

    reason = AcceptedReason.REJECTED
    is_final = True
    is_quoting = True


class ChildForbidden(Refusal):
    """The API server forbids a child: no quota or no rights are left, or a claim may not grow."""

    reason = AcceptedReason.REJECTED
    retry_after = 30.0
    is_quoting = True


class ChildConflict(Refusal):
    """A child's name is taken by an object that is not ours; it was not touched."""

    reason = AcceptedReason.CHILD_CONFLICT
    is_quoting = True
    # The other object does not carry our label, so no watch tells when it goes.
    retry_after = 10.0


class ApiError(OperatorError):
    """The API server's answer; `status` is the HTTP status, 0 when there was none."""

    def __init__(self, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Unavailable(ApiError):
    """No answer, or one that says to come back: 429, 5xx, a time-out, a broken connection."""


class Forbidden(ApiError):
    """403: rights are missing, or a quota is used up; either may be mended from outside."""


class NamespaceEnding(ApiError):
    """403: the namespace is being deleted and takes no new objects; the workload goes with it."""


class NotFound(ApiError):
    """404: the object, its namespace or its kind does not exist."""


class Conflict(ApiError):
    """409: somebody else owns a field, or a precondition on the object did not hold."""


class Gone(ApiError):
    """410: the resource version that we asked for has expired."""


class Refused(ApiError):
    """Any other 4xx: the request is wrong as it stands."""
