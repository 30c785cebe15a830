"""
One running server process, as the rest of the bridge sees it: lines in, lines out, an end.

A channel knows nothing of JSON-RPC or HTTP. `PipeChannel` implements it over pipes to a child,
`AttachChannel` over a WebSocket to a container.
"""

import signal
from dataclasses import dataclass
from typing import Protocol

from mcpworkload.protocol.memory import room

#: Longest line that a server may write; a longer one is cut off and dropped as no message.
LINE_LIMIT_BYTES = room(64 * 1024 * 1024)
#: So many of a server's last lines on standard error are kept for the termination message.
STDERR_TAIL_LINES = 20


class ChannelClosed(Exception):
    """The server receives no more input: it ended, or closed its standard input."""


class CannotStart(Exception):
    """No server process started; the message is the system's."""

    def __init__(self, reason: str, exit_status: int = 126) -> None:
        super().__init__(reason)
        #: As a shell exits in this case: 127 where there is no such program.
        self.end = End(code=exit_status)


class NoRoom(Exception):
    """The system has no room for another process at the moment; no verdict on the server."""


@dataclass(frozen=True)
class End:
    """The end of a server process: its exit code, its signal, or neither where that is unknown."""

    code: int | None = None
    signal: int | None = None
    stderr_tail: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """The exit code that passes this end on, as shells write it; 1 where it is unknown."""
        if self.signal is not None:
            return 128 + self.signal
        return 1 if self.code is None else self.code

    def __str__(self) -> str:
        """``server exited with code 3``, ``server ended by SIGSEGV (11)``."""
        if self.signal is not None:
            return f"server ended by {_signal_name(self.signal)} ({self.signal})"
        if self.code is not None:
            return f"server exited with code {self.code}"
        return "server is gone, its exit code is not known here"


class Channel(Protocol):
    """
    One server process.

    `receive` is called by one task at a time; everything else from anywhere. No method blocks
    the event loop.
    """

    async def send(self, line: bytes) -> None:
        r"""
        Write *line*, which holds no ``\n``, and the newline after it.

        Waits while the server does not read. The line is written as a whole or, when this call
        is cancelled or raises, not at all.

        Raises:
            ChannelClosed: the server takes no more input.
        """

    async def receive(self) -> list[bytes]:
        """
        Return the lines that came since the last call, without newlines; waits for the first one.

        Empty once standard output has ended, and from then on. While no task calls this, no more
        than a bounded amount is read, so the server waits.
        """

    def close_input(self) -> None:
        """Let the server see the end of its input after what was sent so far."""

    async def wait(self) -> End:
        """Return how the process ended, once it has; the same answer at each call."""

    async def end(self, within: float) -> End:
        """
        Make the process end, and with it what it started: at most *within* seconds.

        Closes the input, waits, sends SIGTERM, waits, sends SIGKILL. For a process that has ended
        it returns as `wait` does. A process that the bridge cannot signal may live on.
        """

    async def gone(self) -> tuple[str, ...]:
        """
        Return when the process and all that it started have ended.

        The result names the processes that outlived it and were ended: a number and a name each.
        """

    def listening(self) -> list[int]:
        """Return the TCP ports on which it or what it started listens, as far as they are seen."""


class Source(Protocol):
    """Starts or finds server processes."""

    #: Whether `start` gives a fresh process at each call. Where it does not, there is one
    #: process for all clients, the bridge cannot replace it, and sessions are shared.
    starts_many: bool

    @property
    def not_ready_reason(self) -> str:
        """The reason why `start` does not return, or why its last server ended; or empty."""

    async def start(self) -> Channel:
        """
        Return a running server process that has received nothing, as far as the bridge knows.

        Where `starts_many` is false, wait until the one process runs, or its successor, and return
        that.

        Raises:
            CannotStart: names what was tried and the system's error.
            NoRoom: it can be tried again later.
        """


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal"
