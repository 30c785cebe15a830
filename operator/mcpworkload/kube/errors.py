"""
What the API server answers when a request fails, translated in one place.

::

    ExplainedError
    └── ApiError           what the API server answered
        ├── Unavailable      no answer, time-out, 5xx, 429: retried with backoff
        ├── Forbidden        403, quota and missing rights alike
        ├── NamespaceEnding  403, because the namespace is being deleted: nothing to be done
        ├── NotFound         404
        ├── Conflict         409
        ├── Gone             410: a watch or list has expired
        └── Refused          every other 4xx
"""


class ExplainedError(Exception):
    """An error whose message says enough: whoever reports it leaves the traceback out."""


class ApiError(ExplainedError):
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
