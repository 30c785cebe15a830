"""
The failures of requests to the API server, translated in one place.

::

    ExplainedError
    └── ApiError           the API server's response
        ├── Unavailable      no response, or none to read; 5xx, 429: retried with backoff
        │   └── Interrupted    a stream that had begun was cut off, or fell silent
        ├── Forbidden        403, quota and missing rights alike
        ├── NamespaceEnding  403, because the namespace is being deleted: nothing to be done
        ├── NotFound         404
        ├── Conflict         409
        ├── Gone             410: a watch or list has expired
        └── Refused          every other 4xx
"""

from typing import TypeVar

import msgspec

from mcpworkload.kube.redaction import discreet

# Server text goes into conditions and logs; an admission webhook may answer with pages of it.
MAX_MESSAGE = 1000
# What server-side apply answers, as an internal error of its own, to a body that it can't read
# as the type it should be: a field that does not exist, a text for a number. Only a template
# patch can make such a body.
_UNREADABLE = ("failed to create typed patch object", "failed to convert new object")
# An admission webhook fails, or answers, with any status; the API server says that it was one.
_OF_WEBHOOKS = ("failed calling webhook ", "admission webhook ")

AnswerT = TypeVar("AnswerT")


class Cause(msgspec.Struct, frozen=True):
    """One cause of a failure, with a reason that programs can rely on."""

    reason: str = ""
    #: The path of the field that is wrong; empty or `<nil>` where it is about no field.
    field: str = ""


class Details(msgspec.Struct, frozen=True):
    """The part of a failure that is for programs."""

    #: The resource that the failure is about; None where the path itself is unknown.
    kind: str | None = None
    causes: tuple[Cause, ...] | None = None


class Answer(msgspec.Struct, frozen=True):
    """The API server's response to a request that failed: a Status, unchanged."""

    message: str = ""
    reason: str = ""
    details: Details | None = None

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The causes; empty where the response has no details."""
        return (self.details.causes if self.details else None) or ()

    @property
    def is_namespace_ending(self) -> bool:
        """True if the request failed because the namespace is being deleted."""
        return any(cause.reason == "NamespaceTerminating" for cause in self.causes)


class ExplainedError(Exception):
    """An error whose message is enough: it is reported without its traceback."""


class ApiError(ExplainedError):
    """
    A failed request; `status` is the HTTP status, 0 when there was no response.

    The message holds no value that may be secret. `answer` is what the API server wrote: its
    message may repeat such values, and is only for the client that sent them.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after: float | None = None,
        answer: Answer | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.answer = answer or Answer(message)


class Unavailable(ApiError):
    """No response, an unreadable one, or one that asks to retry: 429, 5xx, a time-out."""


class Interrupted(Unavailable):
    """A stream that had begun was cut off, or was silent for too long: it is opened again."""


class Forbidden(ApiError):
    """403: rights are missing, or a quota is used up; an administrator can change either."""


class NamespaceEnding(ApiError):
    """403: the namespace is being deleted and takes no new objects; the workload goes with it."""


class NotFound(ApiError):
    """404: the object, its namespace or its kind does not exist."""


class Conflict(ApiError):
    """409: another manager owns a field, or a precondition on the object did not hold."""

    @property
    def is_about_fields(self) -> bool:
        """True if another manager owns a field; False where the object is not the expected one."""
        return any(cause.reason == "FieldManagerConflict" for cause in self.answer.causes)


class Gone(ApiError):
    """410: the resource version that we asked for has expired."""


class Refused(ApiError):
    """Any other 4xx: the request is wrong as it stands."""


_BY_STATUS: dict[int, type[ApiError]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    # A new token is read within a minute.
    401: Unavailable,
    429: Unavailable,
}


def read_answer(content: bytes, kind: type[AnswerT]) -> AnswerT:
    """
    Return the body of a successful response as a *kind*.

    Raises:
        Unavailable: it is none; a proxy may have cut it off, so the request may have succeeded.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise Unavailable(f"the API server's response cannot be read: {error}") from error


def error_of(status: int, content: bytes, retry_after: float | None = None) -> ApiError:
    """Return the error for an HTTP response with that status and body."""
    text = content.decode(errors="replace")
    try:
        answer = msgspec.json.decode(content, type=Answer)
        message = answer.message
    except msgspec.DecodeError:
        answer, message = Answer(), text
    kind = NamespaceEnding if answer.is_namespace_ending else kind_of(status, message)
    unknown = f"HTTP {status}"
    return kind(
        discreet(message)[:MAX_MESSAGE] or unknown,
        status=status,
        retry_after=retry_after,
        answer=Answer(answer.message or text.strip() or unknown, answer.reason, answer.details),
    )


def kind_of(status: int, message: str) -> type[ApiError]:
    """Return the class of error for an HTTP response with that status and message."""
    if status == 500 and message.startswith(_UNREADABLE):
        return Refused
    return _BY_STATUS.get(status, Unavailable if status >= 500 else Refused)


def is_overload(error: BaseException) -> bool:
    """Return whether the API server itself answered 429 or 5xx: fewer requests would help it."""
    if not isinstance(error, Unavailable) or not (error.status == 429 or error.status >= 500):
        return False
    return not any(words in error.answer.message for words in _OF_WEBHOOKS)
