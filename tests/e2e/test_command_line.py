"""The command line on a real cluster: a server's whole life, and what goes wrong in it."""

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import pytest
import yaml

from hack.kubectl import environment, program
from mcpworkload.cli.codes import ExitCode
from mcpworkload.controller.plan.drift import first_difference
from tests.support.command_line import mcpworkload, on_terminal, started
from tests.support.manifests import EVERYTHING, make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import exists

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
GREEN = "\x1b[32m"
NAME = "everything"
# A short farewell: no client is there to be spared.
QUICK = """[
  {"op": "replace", "path": "/spec/terminationGracePeriodSeconds", "value": 1},
  {"op": "remove", "path": "/spec/containers/0/lifecycle"}
]"""
RUN = ("run", EVERYTHING, "--patch", QUICK)

# Opens its port, answers what it reads, and fails when told that this is the end.
ECHO = [
    "python3",
    "-I",
    "-S",
    "-u",
    "-c",
    """
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
server = socket.create_server(("", 8080))
for line in sys.stdin:
    if line == "end\\n":
        print("that is the end", file=sys.stderr)
        sys.exit(3)
    print("got", line, end="")
""",
]


@pytest.mark.long
async def test_the_life_of_a_server(namespace: Namespace) -> None:
    """Run, look, talk, restart, stop, start, remove; each command returns when it is true."""
    key = f"{namespace.name}/{NAME}"
    run = await mcpworkload(namespace.name, *RUN)

    assert (run.code, run.out) == (
        ExitCode.OK,
        f"{key} is ready: http://{NAME}.{namespace.name}.svc:8080/mcp\n",
    )
    assert f"{key}: Starting: 0 of 1 replicas ready" in run.err
    listed = await mcpworkload(namespace.name, "list")
    assert listed.out.splitlines()[1].split()[:4] == [NAME, "running", "Ready", "1/1"]

    tools = await mcpworkload(namespace.name, "tools", NAME, "-o", "name")
    assert {"echo", "get-sum"} <= set(tools.out.split())
    echo = await mcpworkload(namespace.name, "call", NAME, "echo", "message=Is anybody there?")
    assert (echo.code, echo.out) == (ExitCode.OK, "Echo: Is anybody there?\n")
    wrong = await mcpworkload(namespace.name, "call", NAME, "get-sum", "a=two", "b:=3")
    assert wrong.code == ExitCode.FAILED
    assert "expected number" in wrong.out

    logs = await mcpworkload(namespace.name, "logs", NAME)
    assert logs.out.startswith("Starting Streamable HTTP server...\n")
    uid = (await namespace.get("Pod", f"{NAME}-0"))["metadata"]["uid"]
    assert (await mcpworkload(namespace.name, "restart", NAME)).code == ExitCode.OK
    assert (await namespace.get("Pod", f"{NAME}-0"))["metadata"]["uid"] != uid

    async with started(namespace.name, "logs", NAME, "--follow") as following:
        assert following.stdout is not None
        assert (await following.stdout.readline()).startswith(b"Starting Streamable HTTP")
        assert (await mcpworkload(namespace.name, "stop", NAME)).code == ExitCode.OK
        await following.communicate()
    assert following.returncode == ExitCode.OK
    assert await namespace.read_all("Pod") == []
    assert (await mcpworkload(namespace.name, "tools", NAME)).code == ExitCode.NOT_READY

    assert (await mcpworkload(namespace.name, "start", NAME)).code == ExitCode.OK
    well = await mcpworkload(namespace.name, "doctor", NAME)
    assert well.code == ExitCode.OK, well.out

    assert (await mcpworkload(namespace.name, "rm", NAME)).code == ExitCode.OK
    assert await namespace.read_all("Pod") == await namespace.read_all("MCPWorkload") == []


async def test_a_dry_run_and_a_template_are_what_the_cluster_gets(namespace: Namespace) -> None:
    """The printed manifest is applied as it is; the printed template is what its pods have."""
    printed = await mcpworkload(namespace.name, *RUN, "--dry-run", "--expose", "9090")
    assert printed.code == ExitCode.OK
    await namespace.create(yaml.safe_load(printed.out))
    statefulset = await namespace.until("StatefulSet", NAME, exists())

    template = yaml.safe_load((await mcpworkload(namespace.name, "template", NAME)).out)
    from_file = await mcpworkload(namespace.name, "template", "-f", "-", stdin=printed.out)

    assert first_difference(template, statefulset["spec"]["template"]) is None
    assert yaml.safe_load(from_file.out) == template
    changes = (await mcpworkload(namespace.name, "template", NAME, "--diff")).out.splitlines()
    assert "+  terminationGracePeriodSeconds: 1" in changes


async def test_ctrl_c_leaves_what_was_begun_and_says_so(namespace: Namespace) -> None:
    """A workload that cannot start: interrupted, examined, timed out, removed."""
    words = ("run", "localhost/mcpworkload/no-such-image:1", "--name", "bad")
    async with started(namespace.name, *words) as process:
        assert process.stderr is not None
        while b"ImagePullFailed" not in (line := await process.stderr.readline()):
            assert line, "it ended by itself"
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()

    assert process.returncode == ExitCode.INTERRUPTED
    last = err.decode().splitlines()[-1]
    assert last.startswith(
        f"error: interrupted; {namespace.name}/bad is written and still starting"
    )
    waited = await mcpworkload(namespace.name, "wait", "bad", "--timeout", "0.5")
    assert waited.code == ExitCode.NOT_READY
    assert "ImagePullFailed" in waited.err.splitlines()[-1]
    doctor = await mcpworkload(namespace.name, "doctor", "bad")
    assert doctor.code == ExitCode.FAILED
    assert doctor.out.startswith(f"FAIL {namespace.name}/bad: ImagePullFailed")
    assert (await mcpworkload(namespace.name, "rm", "bad")).code == ExitCode.OK


async def test_attaching_carries_all_three_streams_until_the_container_ends(
    namespace: Namespace,
) -> None:
    """What is written arrives and is answered, errors apart; how it ended is told, once."""
    await namespace.settle(make_running_workload(command=ECHO, stdin=True))

    async with (
        started(namespace.name, "monitor", "weather", "-o", "json") as monitor,
        started(namespace.name, "attach", "weather") as process,
    ):
        assert monitor.stderr is not None
        assert (await monitor.stderr.readline()).startswith(b"watching")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"one\n")
        assert await process.stdout.readline() == b"got one\n"
        process.stdin.write(b"end\n")
        _, err = await process.communicate()
        assert (await mcpworkload(namespace.name, "rm", "weather")).code == ExitCode.OK
        told, _ = await monitor.communicate()

    exited, *others = map(json.loads, told.splitlines())
    assert (exited["kind"], exited["exitCode"], exited["pod"]) == ("WorkloadExited", 3, "weather-0")
    assert {other["kind"] for other in others} <= {"WorkloadRestarted", "WorkloadRemoved"}
    assert process.returncode == ExitCode.FAILED
    attached, *errors = err.decode().splitlines()
    assert attached.startswith("attached to weather-0, container mcp (")
    assert errors[-1] == "error: the container ended with exit code 3 (Error)"
    assert "that is the end" in errors


async def test_colour_is_for_terminals(namespace: Namespace) -> None:
    """On a terminal the state is green, the table fits; with NO_COLOR it is not."""
    await namespace.settle(make_running_workload())

    shown = await on_terminal(namespace.name, "list", env={})
    plain = await on_terminal(namespace.name, "list", env={"NO_COLOR": "1"})

    assert f"{GREEN}running" in shown
    assert GREEN not in plain
    assert max(len(ESCAPE.sub("", line)) for line in plain.splitlines()) <= 80
    assert "\x1b" not in (await mcpworkload(namespace.name, "list")).out


async def test_kubectl_finds_the_plugin_and_completes_its_words(
    namespace: Namespace, tmp_path: Path
) -> None:
    """`kubectl mcpworkload` is the same program under its other name."""
    scripts = {
        "kubectl-mcpworkload": "from mcpworkload.cli.app import main as program",
        "kubectl_complete-mcpworkload": (
            "from mcpworkload.cli.commands.completion import complete_for_kubectl as program"
        ),
    }
    for name, line in scripts.items():
        # As pip writes them.
        (tmp_path / name).write_text(f"#!{sys.executable}\n{line}\nprogram()\n")
        (tmp_path / name).chmod(0o755)
    await namespace.create(make_running_workload(replicas=0))

    async def kubectl(*words: str) -> str:
        env = environment()
        process = await asyncio.create_subprocess_exec(
            program(),
            *words,
            env={**env, "PATH": f"{tmp_path}:{env['PATH']}"},
            stdout=asyncio.subprocess.PIPE,
        )
        return (await process.communicate())[0].decode()

    assert (await kubectl("mcpworkload", "--help")).startswith("Usage: kubectl mcpworkload ")
    assert "weather" in await kubectl("mcpworkload", "list", "-n", namespace.name)
    offered = await kubectl("__complete", "mcpworkload", "get", "-n", namespace.name, "we")
    assert offered.splitlines() == ["weather", ":4"]
