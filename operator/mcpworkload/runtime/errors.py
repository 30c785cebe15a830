"""
The errors of the library, each with the workload, a reason and advice.

::

    WorkloadError                a RuntimeError, and all that this package raises on purpose
    ├── WorkloadNotFound         there is no workload of that name
    ├── WorkloadInvalid          an argument is refused, here or by the API server; names the field
    ├── WorkloadConflict         another client owns a field, or the workload was replaced meanwhile
    ├── WorkloadNotReady         it cannot be Ready, or was not in time: condition and log tail
    ├── WorkloadNotRunning       what was asked for needs a running container
    ├── WaitTimedOut             it was stopped or removed, but that was not over in time
    ├── RightsMissing            403: the caller's Role lacks a rule
    ├── RuntimeClosed            the runtime was closed before, or meanwhile
    └── RuntimeUnavailable       no answer from the API server, or none that can be used
"""


class WorkloadError(RuntimeError):
    """
    The root of everything that this package raises on purpose.

    `workload` is the id (`namespace/name`), empty where no single one is meant; `reason` is one
    word that programs may rely on; `advice` is what to do, empty where nothing is to be done.
    """

    def __init__(
        self, message: str, *, workload: str = "", reason: str = "", advice: str = ""
    ) -> None:
        self.message = message
        self.workload = workload
        self.reason = reason or type(self).__name__
        self.advice = advice
        start = f"{workload}: {message}" if workload else message
        super().__init__(f"{start} ({advice})" if advice else start)


class WorkloadNotFound(WorkloadError):
    """There is no workload of that name in that namespace."""


class WorkloadInvalid(WorkloadError):
    """
    An argument is refused, here or by the API server, whose message it then has.

    `fields` are the paths of what is wrong: an argument's name, or a field of the MCPWorkload.
    """

    def __init__(
        self,
        message: str,
        *,
        workload: str = "",
        reason: str = "",
        advice: str = "",
        fields: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, workload=workload, reason=reason, advice=advice)
        self.fields = fields


class WorkloadConflict(WorkloadError):
    """Another client owns a field that differs, or another workload took the name meanwhile."""


class WorkloadNotReady(WorkloadError):
    """
    The workload cannot be Ready (`is_final`), or was not in time.

    `reason` and `message` are those of its condition. `log_tail` is the last output of the failed
    container; it is empty where none failed, the output may not be read, or `reportLogTail` is
    false.
    """

    def __init__(
        self,
        message: str,
        *,
        workload: str = "",
        reason: str = "",
        advice: str = "",
        is_final: bool = False,
        log_tail: str = "",
    ) -> None:
        super().__init__(message, workload=workload, reason=reason, advice=advice)
        self.is_final = is_final
        self.log_tail = log_tail

    def __str__(self) -> str:
        """The condition; below it the log's tail, if there is one."""
        text = super().__str__()
        return f"{text}\n{self.log_tail}" if self.log_tail else text


class WorkloadNotRunning(WorkloadError):
    """The operation needs a running container, and there is none."""


class WaitTimedOut(WorkloadError, TimeoutError):
    """The operation was not over in time; `advice` says whether it goes on in the cluster."""


class RightsMissing(WorkloadError):
    """The API server forbids the request: the caller's Role lacks a rule."""


class RuntimeClosed(WorkloadError):
    """The runtime was closed; a new one has to be opened."""


class RuntimeUnavailable(WorkloadError):
    """
    No answer from the API server, no configuration, or no CRD in the cluster.

    The same call may succeed later without any change; this holds for no other error.
    """
