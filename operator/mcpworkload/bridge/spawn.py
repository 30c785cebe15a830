"""Starts servers as child processes."""

import errno
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mcpworkload.bridge.channel import CannotStart, NoRoom
from mcpworkload.bridge.kin import marked
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.bridge.process import PipeChannel
from mcpworkload.bridge.reaper import Reaper

#: The system's errors when it has too few descriptors, processes or memory for now.
_FOR_NOW = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM}


@dataclass
class PipeSource:
    """Starts *command* as often as asked, with *environment*, in the bridge's own folder."""

    command: Sequence[str]
    environment: Mapping[bytes, bytes]
    #: Where the standard error of all goes.
    stderr: Outlet
    #: Called in the child before it becomes the server.
    before_exec: Callable[[], None] | None = None
    #: Whether orphans come to the bridge and have to be reaped.
    adopts: bool = False
    starts_many: bool = field(default=True, init=False)
    _reaper: Reaper | None = field(default=None, init=False)

    @property
    def not_ready_reason(self) -> str:
        """Nothing: a child starts at once, or not at all."""
        return ""

    async def start(self) -> PipeChannel:
        """
        Return a fresh child.

        Raises:
            CannotStart: names the command and the system's error.
            NoRoom: the system has none at the moment.
        """
        if self._reaper is None:
            self._reaper = Reaper.install(adopts=self.adopts)
        try:
            with marked() as mark:
                popen = self._popen()
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in _FOR_NOW:
                text = f"no other server can be started now: {error.strerror}; try again later"
                raise NoRoom(text) from error
            status = 127 if isinstance(error, FileNotFoundError) else 126
            raise CannotStart(f"cannot start {self.command[0]!r}: {error}", status) from error
        return PipeChannel(popen, mark, self._reaper, self.stderr)

    def _popen(self) -> "subprocess.Popen[bytes]":
        """Return when the child has become the server."""
        return subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=self.environment,
            # Its own group, so that a signal reaches what it starts, and nothing else.
            start_new_session=True,
            preexec_fn=self.before_exec,
        )
