"""
What pods have answered to verification, and what stands until they answer again.

Pure. One failure of a server that has answered before is no news: the next one decides. One that
has not answered yet gets some time to do so; a program may open its port before it is ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mcpworkload.verification.finding import Finding, Result, Server, ToolList

#: A server that has not answered since its start has so many seconds before its failures count.
PATIENCE_SECONDS: Final = 10.0
#: So many failures in a row lower what was true.
FAILURES: Final = 2
#: The pauses between tries while that patience lasts, and after it.
_FIRST_PAUSE, _LONGEST_FIRST_PAUSE = 0.25, 2.0
_NEXT_PAUSE, LONGEST_PAUSE_SECONDS = 10.0, 300.0
#: These are about who asks, not about the server.
_NEUTRAL = frozenset({Result.AUTH_REQUIRED, Result.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class PodAnswer:
    """What is known of the server in one pod, since its container started."""

    #: When it was asked first, on the monotonic clock; 0 until that has come to something.
    since: float = 0.0
    #: What stands; None while nothing is known.
    result: Result | None = None
    #: What was asked, what came back and the likely cause; empty where all is well.
    message: str = ""
    #: Who it said it is, when it answered last.
    server: Server | None = None
    #: Failures in a row.
    failures: int = 0
    #: Whether its container is older than this process, so that what the status says of it
    #: stands until it has answered.
    is_older: bool = False

    @property
    def is_pending(self) -> bool:
        """Whether nothing is known of it, neither here nor in the status."""
        return self.result is None and not self.is_older

    @property
    def is_presumed(self) -> bool:
        """Whether only the status knows of it."""
        return self.result is None and self.is_older

    @property
    def is_wrong(self) -> bool:
        """Whether it is known not to answer as an MCP server does."""
        return not (self.result is None or self.result in (Result.HANDSHAKE_OK, *_NEUTRAL))

    def after(self, finding: Finding, asked: float, now: float) -> "PodAnswer":
        """Return the answer once *finding* came at *now* of what was asked at *asked*."""
        since = self.since or asked
        failed = replace(self, since=since, failures=self.failures + 1)
        if finding.is_ok:
            # A list that could not be read to its end this time says nothing about the last one.
            is_less = _has_digest(self.server) and not _has_digest(finding.server)
            if is_less and failed.failures < FAILURES:
                return failed
            return PodAnswer(since, finding.result, "", finding.server)
        if failed.is_doubtful(finding.result, now):
            return failed
        return replace(failed, result=finding.result, message=finding.message)

    def is_doubtful(self, result: Result, now: float) -> bool:
        """Return whether *result*, a failure that was counted already, may be over in a moment."""
        if result is Result.AUTH_REQUIRED and self.result is not Result.HANDSHAKE_OK:
            return False
        if self.failures < FAILURES:
            return True
        is_first = self.result is None and not self.is_older
        return is_first and result not in _NEUTRAL and now - self.since < PATIENCE_SECONDS

    def pause(self, interval: float | None, now: float) -> float | None:
        """
        Return in how many seconds to ask again, at *now*; None for never.

        *interval* is the pause after an answer; None where one answer is enough.
        """
        if not self.failures:
            return interval
        young = now - self.since < PATIENCE_SECONDS
        if self.result is None and not self.is_older and young:
            doublings = min(self.failures - 1, 10)
            return min(_LONGEST_FIRST_PAUSE, _FIRST_PAUSE * float(2**doublings))
        if self.failures < FAILURES:
            return _NEXT_PAUSE
        longest = max(_NEXT_PAUSE, min(LONGEST_PAUSE_SECONDS, interval or LONGEST_PAUSE_SECONDS))
        doublings = min(self.failures - FAILURES, 10)
        return float(min(longest, _NEXT_PAUSE * 2**doublings))


def _has_digest(server: Server | None) -> bool:
    return server is not None and server.tools is not None and bool(server.tools.digest)


NO_ANSWER: Final = PodAnswer()


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of all pods of one workload."""

    #: By the pod's UID; pods whose server has not started have none.
    pods: Mapping[str, PodAnswer] = field(default_factory=dict)
    #: The last lists of tools that this process has seen, by their digest.
    tools: Mapping[str, ToolList] = field(default_factory=dict)
    #: Why the operator has not all headers that the spec names; empty where it has.
    missing_headers: str = ""


NO_ANSWERS: Final = Answers()
