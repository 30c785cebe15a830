"""
``mcpw gate``: end once the rules of the network are seen to be enforced in this pod.

The rules let the pod connect to one port of the operator, the control port, and not to another one,
the forbidden port. A round tries the control port, the forbidden one, and the control port again:
that the forbidden one cannot be reached counts only while the operator is there. Three rounds in a
row have to end that way.

An attempt takes half a second at most, which is plenty in a cluster; were it too little, the
control port would not answer in it either. A network that drops packets lets each attempt at the
forbidden port take that long, so the rounds begin 0.2 s apart and overlap: three of them take 0.9 s
and not 1.5.
"""

import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from types import FrameType
from typing import Final

from mcpworkload.bridge.options import Address, Gate

ROUNDS: Final = 3
ATTEMPT_SECONDS: Final = 0.5
APART_SECONDS: Final = 0.2
FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 1.0
REPEAT_SECONDS: Final = 10.0
_TERMINATED: Final = 128 + signal.SIGTERM

# How the network answers, or an engine in its place, where a connection is not to be. All other
# errors are about this pod, such as no free port, and show nothing about rules.
_UNREACHABLE: Final = (
    errno.ECONNREFUSED,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ETIMEDOUT,
    errno.ECONNABORTED,
    errno.EACCES,
    errno.EPERM,
)


class Finding(Enum):
    """What a round, or an attempt at the proxy, showed."""

    #: The control port answered before and after, the forbidden one did not.
    ENFORCED = auto()
    #: The forbidden port accepted a connection.
    OPEN = auto()
    #: The control port did not answer.
    UNSEEN = auto()
    #: The rules are enforced, and the proxy does not accept connections.
    NO_PROXY = auto()


class Proof:
    """Counts rounds: any that shows something else begins the count anew."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def take(self, findings: Iterable[Finding]) -> Finding:
        """Return what *findings*, of rounds in their order, show: the first that is no proof."""
        shown = Finding.ENFORCED
        for finding in findings:
            self._in_a_row = self._in_a_row + 1 if finding is Finding.ENFORCED else 0
            if shown is Finding.ENFORCED:
                shown = finding
        return Finding.ENFORCED if self.is_complete else shown

    @property
    def is_complete(self) -> bool:
        """Whether enough rounds in a row showed that the rules are enforced."""
        return self._in_a_row >= ROUNDS


class Notices:
    """Decides which findings are worth a line: each change, and the same one every ten seconds."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._last: Finding | None = None
        self._due = 0.0

    def line(self, finding: Finding, now: float) -> str | None:
        """Return what to print of *finding*, which holds back; None if that was said."""
        if finding is self._last and now < self._due:
            return None
        self._last, self._due = finding, now + REPEAT_SECONDS
        return _WORDS[finding](self._gate)


_WORDS: Final[dict[Finding, Callable[[Gate], str]]] = {
    Finding.OPEN: lambda gate: (
        f"the rules are not enforced yet: {gate.forbidden} accepts connections"
    ),
    Finding.UNSEEN: lambda gate: (
        f"no answer from the operator at {gate.control}: it cannot be seen whether the rules are "
        "enforced"
    ),
    Finding.NO_PROXY: lambda gate: (
        f"the rules are enforced; no answer yet from the egress proxy at {gate.proxy}"
    ),
}


def pause_after(tries: int) -> float:
    """Return how many seconds to wait after so many *tries* without success."""
    return min(LAST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 1.5 ** min(tries, 20))


def run(gate: Gate) -> int:
    """Return 0 once the rules are enforced and the proxy, if any, is there; wait until then."""
    # The first process of a container receives no signal that it has no handler for.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    begin = time.monotonic()
    proof, notices, tries = Proof(), Notices(gate), 0
    while (finding := _try(gate, proof)) is not Finding.ENFORCED:
        if line := notices.line(finding, time.monotonic()):
            _print(line)
        time.sleep(pause_after(tries))
        tries += 1
    _print(
        f"the rules are enforced ({ROUNDS} of {ROUNDS} attempts at {gate.forbidden} failed) "
        f"after {time.monotonic() - begin:.1f} s"
    )
    return 0


def _try(gate: Gate, proof: Proof) -> Finding:
    """Return what three more rounds show, and then the proxy."""
    finding = proof.take(_try_rounds(gate))
    # Each time anew: the proof is to be as new as it can be when the proxy is there.
    if finding is Finding.ENFORCED and gate.proxy is not None and not _answers(gate.proxy):
        return Finding.NO_PROXY
    return finding


def _answers(address: Address) -> bool:
    try:
        return connects(address)
    except OSError:
        return False


def _try_rounds(gate: Gate) -> Sequence[Finding]:
    """Return what the rounds show, in the order in which they begin."""
    # A thread that fails leaves no proof behind.
    findings = [Finding.UNSEEN] * ROUNDS

    def work(number: int) -> None:
        time.sleep(number * APART_SECONDS)
        findings[number] = try_round(gate)

    rounds = [threading.Thread(target=work, args=(number,)) for number in range(ROUNDS)]
    for each in rounds:
        each.start()
    for each in rounds:
        each.join()
    return findings


def try_round(gate: Gate) -> Finding:
    """Return what one round shows."""
    try:
        if not connects(gate.control):
            return Finding.UNSEEN
        if connects(gate.forbidden):
            return Finding.OPEN
        return Finding.ENFORCED if connects(gate.control) else Finding.UNSEEN
    except OSError:
        return Finding.UNSEEN


def connects(address: Address) -> bool:
    """
    Return whether *address* accepts a connection within ATTEMPT_SECONDS.

    Raises:
        OSError: it cannot be tried from here.
    """
    with socket.socket(address.family, socket.SOCK_STREAM) as connection:
        connection.settimeout(ATTEMPT_SECONDS)
        try:
            connection.connect((address.host, address.port))
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True  # It was accepted first: what is not is refused.
        except OSError as error:
            if error.errno in _UNREACHABLE:
                return False
            raise
    return True


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end(_number: int, _frame: FrameType | None) -> None:
    # Not by an exception: threads that wait for the network would be waited for.
    os._exit(_TERMINATED)
