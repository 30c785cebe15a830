"""The program as a whole: help, exit codes, completion, what it costs to start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcpworkload.cli import completion, docs
from mcpworkload.cli.app import cli
from mcpworkload.cli.codes import ExitCode, failure_of
from mcpworkload.runtime import errors
from tests.unit.cli.world import World, make_body

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

    codes = {kind: failure_of(kind("words", advice="do this")) for kind in kinds}

    assert all(failure is not None for failure in codes.values())
    failure = codes[errors.WorkloadNotReady]
    assert failure is not None
    assert (failure.exit_code, failure.message) == (ExitCode.NOT_READY, "words (do this)")
    assert failure_of(RuntimeError("a bug")) is None


def test_the_page_is_what_help_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make crds` has been run since a command changed; the check says so where it was not."""
    assert docs.main([]) == 0
    page = tmp_path / "cli.md"

    assert docs.main([], page) == 1
    assert "docs/cli.md is out of date" in capsys.readouterr().err
    assert docs.main(["--write"], page) == 0
    assert docs.main([], page) == 0


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


def complete(words: str, world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What bash is offered for the last word."""
    from click.shell_completion import ShellComplete

    monkeypatch.setattr(completion, "to_the_cluster", world.connect)
    *before, last = words.split(" ")
    made = ShellComplete(cli, {}, "mcpworkload", "_MCPWORKLOAD_COMPLETE")
    return [item.value for item in made.get_completions(before, last)]


def test_the_shell_knows_workloads_and_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, ids after a slash, namespaces; not what is there already."""
    namespaces = {"items": [{"metadata": {"name": name}} for name in ("demo", "tools")]}
    world = World(
        make_body(), make_body("time"), make_body("web"), answers={"/api/v1/namespaces": namespaces}
    )

    assert complete("get w", world, monkeypatch) == ["weather", "web"]
    assert complete("get demo/t", world, monkeypatch) == ["demo/time"]
    assert complete("stop weather we", world, monkeypatch) == ["web"]
    assert complete("list -n t", world, monkeypatch) == ["tools"]
    assert complete("list -n tools --context ", world, monkeypatch) == []
    assert complete("res", world, monkeypatch) == ["restart"]


def test_completion_is_silent_without_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is offered, and nothing said, where the cluster does not answer."""

    def refuse(_: object) -> None:
        raise errors.RuntimeUnavailable("no")

    world = World(answers={"/api/v1/namespaces": refuse})

    assert complete("list -n ", world, monkeypatch) == []


def test_contexts_come_from_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking any cluster."""
    config = tmp_path / "config"
    config.write_text("contexts: [{name: kind-a}, {name: prod}]")
    monkeypatch.setenv("KUBECONFIG", str(config))

    assert complete("list --context k", World(), monkeypatch) == ["kind-a"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_for_their_shell(shell: str) -> None:
    """Each names the program and asks it by its variable."""
    result = World().run("completion", shell)

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
