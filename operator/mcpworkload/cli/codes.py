"""The exit codes of the command line, one for each kind of end; scripts may rely on them."""

from enum import IntEnum

import click


class ExitCode(IntEnum):
    """Public API: codes may be added, none is renumbered."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "ExitCode":
        """A code, and in which case it is the result."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "done; the cluster is as asked for"
    FAILED = 1, "it could not be done, or `doctor` found something wrong"
    USAGE = 2, "the arguments are wrong, or the API server refuses what they ask for"
    NOT_FOUND = 3, "there is no workload of that name"
    NOT_READY = 4, "the workload is not ready, not running, or what was waited for took too long"
    NO_CLUSTER = 5, "no cluster, no installation in it, or not the rights that are needed"
    INTERRUPTED = (
        130,
        "Ctrl-C: the end of what follows (`logs -f`, `monitor`, `attach`, `-w`), without an "
        "error; for other commands, the message reports the state in the cluster",
    )


class Failure(click.ClickException):
    """An end that is no success; the message gives the reason in one line."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click sets it so, though it is typed as a class variable

    def show(self, file: object = None) -> None:  # noqa: ARG002 - errors have one place
        """Print the message on stderr, so that standard output has results alone."""
        click.echo(f"error: {self.message}", err=True)


def failure_of(error: RuntimeError) -> Failure | None:
    """Return the failure for an error of the library; None for any other error."""
    from mcpworkload import runtime as library
    from mcpworkload.cli.words import in_our_words

    codes: tuple[tuple[type[library.WorkloadError], ExitCode], ...] = (
        (library.WorkloadNotFound, ExitCode.NOT_FOUND),
        (library.WorkloadInvalid, ExitCode.USAGE),
        (library.WorkloadNotReady, ExitCode.NOT_READY),
        (library.WorkloadNotRunning, ExitCode.NOT_READY),
        (library.WaitTimedOut, ExitCode.NOT_READY),
        (library.RightsMissing, ExitCode.NO_CLUSTER),
        (library.RuntimeUnavailable, ExitCode.NO_CLUSTER),
        (library.WorkloadError, ExitCode.FAILED),
    )
    for kind, code in codes:
        if isinstance(error, kind):
            return Failure(in_our_words(str(error)), code)
    return None
