"""
Progress for a person at a terminal, and programs that are started for them.

Progress goes to standard error: verbs whose answer is a path print that path and nothing else.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

COMMAND_TIMEOUT = 120.0
_LAST_LINES = 15


class ToolError(Exception):
    """The command cannot go on; the message names the problem and its remedy in one line."""

    exit_code = 2


class UnavailableError(ToolError):
    """This kind of cluster does not offer what was asked for; that is no failure of the cluster."""

    exit_code = 3


def say(line: str) -> None:
    """Print one line of progress."""
    print(line, file=sys.stderr, flush=True)


def spoken_duration(seconds: float) -> str:
    """Return *seconds* for people: ``0.4 s``, ``12 s``, ``4 min 12 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print what is being done, and how long it took once it is done."""
    print(f"{what} ... ", end="", file=sys.stderr, flush=True)
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(spoken_duration(time.monotonic() - begin))


def last_lines(text: str, count: int = _LAST_LINES) -> str:
    """Return the end of a log, indented, for an error message."""
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-count:])


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    timeout: float | None = COMMAND_TIMEOUT,
) -> str:
    """
    Return what the program printed on standard output.

    Raises:
        ToolError: it is missing, failed (the message has its last lines) or took too long.
    """
    spoken = " ".join(argv[:4])
    try:
        done = subprocess.run(
            argv,
            input="" if stdin is None else stdin,
            env=None if env is None else dict(env),
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise ToolError(f"{argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise ToolError(f"{spoken} did not end within {timeout:.0f} s") from None
    if done.returncode != 0:
        raise ToolError(f"{spoken} failed:\n{last_lines(done.stderr or done.stdout)}")
    return done.stdout


def succeeds(
    argv: Sequence[str], timeout: float = 10.0, env: Mapping[str, str] | None = None
) -> bool:
    """Return whether the program exists and ends with 0 in time."""
    try:
        run(argv, timeout=timeout, env=env)
    except ToolError:
        return False
    return True
