"""Runs programs and says, in one line each, what is being done and how long it took."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

BUILDER_CLOSING = re.compile(r"^subprocess exited|building at STEP|failed to solve|^\[?\S* ?STEP ")


class BuildError(Exception):
    """The work cannot be done; the message is one line that says what to do."""


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Announce *what* on standard error, and its duration when it is done."""
    # Standard output belongs to results (`name`, `size`); callers capture it.
    print(f"{what} ... ", end="", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", file=sys.stderr, flush=True)
        raise
    print(f"{time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def answers(argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> bool:
    """Whether *argv* exists and succeeds within *timeout* seconds; its words are dropped."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
            env=env,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def output(argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> str:
    """
    Return what *argv* writes to standard output.

    Raises:
        BuildError: it is missing, fails or takes too long; names its last words.
    """
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=env,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{argv[0]}: {error}") from error
    if done.returncode != 0:
        raise BuildError(f"{argv[0]} failed: {_last_words(done.stderr or done.stdout)}")
    return done.stdout


def logged(
    argv: Sequence[str], *, log: Path, timeout: float, env: Mapping[str, str] | None = None
) -> None:
    """
    Run *argv* with all it says in the file *log*.

    Raises:
        BuildError: it fails or takes too long; names the log and its last words.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as sink:
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
                env=env,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BuildError(f"{argv[0]}: {error} (log: {log})") from error
    if done.returncode != 0:
        words = _last_words(log.read_text(encoding="utf-8", errors="replace"))
        raise BuildError(f"{argv[0]} failed: {words} (log: {log})")


def _last_words(text: str) -> str:
    """The last line of *text* that reports an error, else the last line that says anything."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # The builders' own closing lines repeat the command, not what was wrong with it.
    said = [line for line in lines if not BUILDER_CLOSING.search(line)] or lines
    telling = [line for line in said if "error" in line.lower()] or said
    return telling[-1][:300] if telling else "no output"
