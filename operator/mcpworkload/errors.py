"""
What can go wrong, and whether looking again can help.

::

    OperatorError
    ├── SpecError            the spec's fault: a condition, and no retry until something changes
    │   ├── InvalidSpec
    │   └── Rejected         the API server refused a child for good (its words)
    ├── ChildConflict        the name of a child is taken: retried with backoff
    └── ApiError             what the API answered, translated in one place
        ├── Unavailable      no answer, time-out, 5xx, 429: retried with backoff
        ├── Forbidden        403, quota and missing rights alike: retried with backoff
        ├── NotFound         404
        ├── Conflict         409
        ├── Gone             410: a watch or list has expired
        └── Refused          every other 4xx
"""

from mcpworkload.reasons import AcceptedReason


class OperatorError(Exception):
    """The root of everything that this package raises on purpose."""


class SpecError(OperatorError):
    """The workload cannot be run as written; the message says what would be right."""

    reason = AcceptedReason.INVALID_SPEC


class InvalidSpec(SpecError):
    """A field of the spec is wrong: the message starts with its path."""


class Rejected(SpecError):
    """The API server refuses a child that we built; repeating the request cannot help."""

    reason = AcceptedReason.REJECTED


class ChildConflict(OperatorError):
    """A child's name is taken by an object that is not ours; it was not touched."""

    reason = AcceptedReason.CHILD_CONFLICT


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


class NotFound(ApiError):
    """404: the object, its namespace or its kind does not exist."""


class Conflict(ApiError):
    """409: somebody else owns a field, or a precondition on the object did not hold."""


class Gone(ApiError):
    """410: the resource version that we asked for has expired."""


class Refused(ApiError):
    """Any other 4xx: the request is wrong as it stands."""
