"""The program as a whole: help, exit codes, completion, what it costs to start."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hack import clidocs
from mcpworkload.cli import candidates
from mcpworkload.cli.app import cli
from mcpworkload.cli.codes import ExitCode, failure_of
from mcpworkload.cli.durations import Duration
from mcpworkload.cli.rights import RIGHTS
from mcpworkload.runtime import errors
from mcpworkload.runtime.connection import workloads_path
from tests.support.commands import CommandHarness, make_body

# What takes a tenth of a second or more to import, or is of no use to help.
SLOW = ("kubernetes", "rich", "aiohttp", "mcp", "pydantic", "asyncio", "yaml", "jsonpatch")
_ASK = """
import sys
from mcpworkload.cli.app import cli
try:
    cli.main(sys.argv[1:])
finally:
    print("imported:", *(name for name in {slow!r} if name in sys.modules))
"""


@pytest.mark.parametrize("words", [("--help",), ("run", "--help"), ("version", "--client")])
def test_help_imports_nothing_that_is_slow(words: tuple[str, ...]) -> None:
    """Help, and what asks no cluster, answers at once."""
    program = [sys.executable, "-c", _ASK.format(slow=SLOW), *words]

    done = subprocess.run(program, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "imported:"


def test_every_error_of_the_library_has_a_code() -> None:
    """Those of one kind have the same, and no error of ours ends as a trace."""
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.WorkloadError)
    ]

    made = {kind: kind("words") for kind in kinds} | {
        errors.WorkloadNotReady: errors.WorkloadNotReady("words", advice="do this")
    }
    codes = {kind: failure_of(error) for kind, error in made.items()}

    assert all(failure is not None for failure in codes.values())
    failure = codes[errors.WorkloadNotReady]
    assert failure is not None
    assert (failure.exit_code, failure.message) == (ExitCode.NOT_READY, "words (do this)")
    assert failure_of(RuntimeError("a bug")) is None


def test_the_page_is_what_help_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make crds` has been run since a command changed; the check says so where it was not."""
    assert clidocs.main([]) == 0
    page = tmp_path / "cli.md"

    assert clidocs.main([], page) == 1
    assert "docs/cli.md is out of date" in capsys.readouterr().err
    assert clidocs.main(["--write"], page) == 0
    assert clidocs.main([], page) == 0


def test_every_command_says_what_it_does_and_each_option_has_its_words() -> None:
    """No command and no option without help."""
    context = cli.make_context("mcpworkload", [], resilient_parsing=True)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(), name
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def complete(words: str, harness: CommandHarness, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What bash is offered for the last word."""
    from click.shell_completion import ShellComplete

    monkeypatch.setattr(candidates, "to_the_cluster", harness.connect)
    *before, last = words.split(" ")
    made = ShellComplete(cli, {}, "mcpworkload", "_MCPWORKLOAD_COMPLETE")
    return [item.value for item in made.get_completions(before, last)]


def test_the_shell_knows_workloads_and_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, ids after a slash, namespaces; not what is there already."""
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    namespaces = {"items": [{"metadata": {"name": name}} for name in ("demo", "tools")]}
    harness = CommandHarness(
        make_body(), make_body("time"), make_body("web"), answers={"/api/v1/namespaces": namespaces}
    )

    assert complete("get w", harness, monkeypatch) == ["weather", "web"]
    assert complete("get demo/t", harness, monkeypatch) == ["demo/time"]
    assert complete("stop weather we", harness, monkeypatch) == ["web"]
    assert complete("list -n t", harness, monkeypatch) == ["tools"]
    assert complete("list -n tools --context ", harness, monkeypatch) == []
    assert complete("res", harness, monkeypatch) == ["restart"]
    assert complete("permissions e", harness, monkeypatch) == ["explain"]
    assert complete("permissions explain w", harness, monkeypatch) == ["weather", "web"]
    profile = "run image --permission-profile n"
    assert complete(profile, harness, monkeypatch) == ["none", "network", "n"]


def test_completion_is_silent_without_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is offered, and nothing said, where the cluster does not answer."""

    def refuse(_: object) -> None:
        raise errors.RuntimeUnavailable("no")

    harness = CommandHarness(answers={"/api/v1/namespaces": refuse})

    assert complete("list -n ", harness, monkeypatch) == []


def test_contexts_come_from_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking any cluster."""
    config = tmp_path / "config"
    config.write_text("contexts: [{name: kind-a}, {name: prod}]")
    monkeypatch.setenv("KUBECONFIG", str(config))

    assert complete("list --context k", CommandHarness(), monkeypatch) == ["kind-a"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_for_their_shell(shell: str) -> None:
    """Each names the program and asks it by its variable."""
    result = CommandHarness().run("completion", shell)

    assert "mcpworkload" in result.stdout
    assert f"_MCPWORKLOAD_COMPLETE={shell}_complete" in result.stdout


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    """`mcpworkload ... | head -1` ends without a trace."""
    program = f"{sys.executable} -m mcpworkload.cli --help | head -1"

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )

    assert done.stdout == "Usage: mcpworkload [OPTIONS] COMMAND [ARGS]...\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "namespace", "context"),
    [
        (("-n", "tools", "list"), "tools", None),
        (("--namespace", "tools", "--context", "prod", "list"), "tools", "prod"),
        (("-n", "tools", "list", "-n", "demo"), "demo", None),
        (("list", "-n", "tools"), "tools", None),
    ],
)
def test_where_may_stand_before_the_command_and_behind_it(
    words: tuple[str, ...], namespace: str, context: str | None
) -> None:
    """As with kubectl; what stands behind it counts where both are there."""
    harness = CommandHarness(make_body())

    assert harness.run(*words).exit_code == ExitCode.OK
    assert harness.target is not None
    assert (harness.target.namespace, harness.target.context) == (namespace, context)


def test_completion_knows_what_stands_before_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The namespace that was named there is the one that is asked."""
    harness = CommandHarness(make_body())

    assert complete("-n tools get we", harness, monkeypatch) == ["weather"]
    assert harness.target is not None
    assert harness.target.namespace == "tools"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("ls",), ExitCode.OK, "weather"),
        (("ps",), ExitCode.OK, "weather"),
        (("describe", "weather"), ExitCode.OK, "demo/weather"),
        (("delete", "weather"), ExitCode.OK, "weather is removed"),
        (("help", "list"), ExitCode.OK, "List the workloads."),
        (("help",), ExitCode.OK, "Run MCP servers on Kubernetes."),
        (("--version",), ExitCode.OK, "mcpworkload"),
        (("lst",), ExitCode.USAGE, "No such command 'lst'. Did you mean list?"),
        (("restrat", "weather"), ExitCode.USAGE, "Did you mean restart?"),
        (("help", "moniter"), ExitCode.USAGE, "Did you mean monitor?"),
        (("run", "a", "--replica", "1"), ExitCode.USAGE, "--replicas"),
    ],
)
def test_habits_from_other_programs(
    words: tuple[str, ...], code: ExitCode, said: str, harness: CommandHarness
) -> None:
    """Their names of commands work, and what is mistyped is answered with what may be meant."""
    result = harness.run(*words)

    assert result.exit_code == code
    assert said in result.output


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("30", 30), ("30s", 30), ("1.5", 1.5), ("5m", 300), ("1h30m", 5400), ("500ms", 0.5)),
        *(("2d", 172_800), ("0", 0), ("0s", 0)),
        *(("", None), ("5x", None), ("-1", None), ("-1s", None), ("m", None), ("1h 5", None)),
        *(("nan", None), ("inf", None), ("1e3", None), ("٣s", None)),
    ],
)
def test_durations_are_read_alike_everywhere(text: str, seconds: float | None) -> None:
    """A plain number is seconds; what is none names what would be."""
    if seconds is None:
        with pytest.raises(click.BadParameter, match="write a duration such as 30s, 5m or 1h30m"):
            Duration().convert(text, None, None)
    else:
        assert Duration().convert(text, None, None) == pytest.approx(seconds)


def test_every_option_about_time_is_a_duration() -> None:
    """No command has a way of its own."""
    context = cli.make_context("mcpworkload", [], resilient_parsing=True)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if parameter.name in ("timeout", "since"):
                assert isinstance(parameter.type, Duration), name


def test_every_command_says_which_rights_it_needs() -> None:
    """In one table, which the page has and doctor asks about."""
    context = cli.make_context("mcpworkload", [], resilient_parsing=True)

    assert set(cli.list_commands(context)) <= RIGHTS.keys()
    page = clidocs.render()
    assert (
        "| `tools` | `mcpworkloads`: get; `pods`: list; `pods/portforward`: get, create |" in page
    )


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (("logs", "weather", "-f"), ""),
        (("monitor",), ""),
        (("attach", "weather"), "detached; the container was left alone\n"),
        (("list", "-w"), ""),
        (("get", "weather", "-w"), ""),
    ],
)
def test_ctrl_c_is_how_what_follows_ends(
    words: tuple[str, ...], note: str, harness: CommandHarness
) -> None:
    """No error is told; the exit code is that of Ctrl-C."""

    async def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    for path in (workloads_path("demo"), workloads_path("demo", "weather")):
        harness.connection.answers[path] = lambda _: interrupt()

    result = harness.run(*words)

    assert result.exit_code == ExitCode.INTERRUPTED
    assert result.stderr == note


def test_ctrl_c_before_a_command_has_begun() -> None:
    """While the program still imports: the same exit code, no trace, no Aborted!."""
    program = (
        "import signal, sys\n"
        "from mcpworkload.cli import app\n"
        "app.import_module = lambda _: signal.raise_signal(signal.SIGINT)\n"
        "sys.argv = ['mcpworkload', 'list']\n"
        "app.main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.strip()) == (ExitCode.INTERRUPTED, "")
