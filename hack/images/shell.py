"""Run a builder with its long output in a file."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.terminal import ToolError

BUILDER_CLOSING = re.compile(r"^subprocess exited|building at STEP|failed to solve|^\[?\S* ?STEP ")


def logged(
    argv: Sequence[str], *, log: Path, timeout: float, env: Mapping[str, str] | None = None
) -> None:
    """
    Run *argv* with all its output in the file *log*.

    Raises:
        ToolError: it fails or takes too long; names the log and its last error.
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
            raise ToolError(f"{argv[0]}: {error} (log: {log})") from error
    if done.returncode != 0:
        words = _last_words(log.read_text(encoding="utf-8", errors="replace"))
        raise ToolError(f"{argv[0]} failed: {words} (log: {log})")


def _last_words(text: str) -> str:
    """Return the last line of *text* that reports an error, else its last line that counts."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # The builders' own closing lines repeat the command, not what was wrong with it.
    said = [line for line in lines if not BUILDER_CLOSING.search(line)] or lines
    telling = [line for line in said if "error" in line.lower()] or said
    return telling[-1][:300] if telling else "no output"
