"""stop, start, restart, rm, wait: what they ask for, how they end, what stands after Ctrl-C."""

import asyncio
import json
import signal
from typing import Any

import pytest

from mcpworkload.cli.codes import ExitCode
from mcpworkload.runtime.connection import workloads_path
from tests.support.commands import CommandHarness, Manifest, make_body


def test_stopping_and_starting(harness: CommandHarness) -> None:
    """The mode is written, and what became true is said once for each workload."""
    stopped = harness.run("stop", "weather")

    assert (stopped.exit_code, stopped.stdout) == (ExitCode.OK, "weather is stopped\n")
    assert "demo/weather: Stopped: as asked for" in stopped.stderr
    assert harness.spec()["operatingMode"] == "Stopped"

    assert harness.run("start", "demo/weather").stdout == "demo/weather is ready\n"
    assert harness.spec()["operatingMode"] == "Running"


def test_a_restart_writes_the_time(harness: CommandHarness) -> None:
    """A new one each time, in the form that the API takes."""
    assert harness.run("restart", "weather").exit_code == ExitCode.OK
    first = harness.spec()["restartedAt"]
    assert harness.run("restart", "weather").exit_code == ExitCode.OK

    assert harness.spec()["restartedAt"] > first
    assert first.endswith("Z")


def test_one_failure_does_not_keep_the_others_from_their_end(harness: CommandHarness) -> None:
    """All are done that can be; the failure decides the exit code."""
    result = harness.run("stop", "nothing", "weather")

    assert result.exit_code == ExitCode.NOT_FOUND
    assert result.stdout == "weather is stopped\n"
    assert result.stderr.splitlines()[-1] == "error: demo/nothing: not found"


def test_waiting_ends_at_once_where_it_cannot_help(harness: CommandHarness) -> None:
    """A workload that is stalled has its reason in the one line that is said."""

    def stall(body: Manifest) -> None:
        generation = body["metadata"]["generation"]
        condition = {"observedGeneration": generation, "reason": "PatchRejected", "message": "no"}
        body["status"] = {
            "observedGeneration": generation,
            "conditions": [
                {"type": "Ready", "status": "False", **condition},
                {"type": "Stalled", "status": "True", **condition},
            ],
        }

    harness.connection.react = stall
    result = harness.run("restart", "weather")

    assert result.exit_code == ExitCode.NOT_READY
    assert "error: demo/weather: PatchRejected: no" in result.stderr


@pytest.mark.parametrize(
    ("goal", "name", "code"),
    [
        ("ready", "weather", ExitCode.OK),
        ("ready", "nothing", ExitCode.NOT_FOUND),
        ("stopped", "rests", ExitCode.OK),
        ("stopped", "weather", ExitCode.NOT_READY),
        ("removed", "nothing", ExitCode.OK),
        ("removed", "weather", ExitCode.NOT_READY),
    ],
)
def test_waiting_for(goal: str, name: str, code: ExitCode) -> None:
    """It ends well where the goal is true, and in time where it is not."""
    rests = make_body("rests")
    rests["spec"]["operatingMode"] = "Stopped"
    rests["status"]["conditions"][0]["reason"] = "Stopped"

    result = CommandHarness(make_body(), rests).run("wait", name, "--for", goal, "--timeout", "0.2")

    assert result.exit_code == code
    assert result.stdout == (f"{name} is {goal}\n" if code is ExitCode.OK else "")


def test_removing(harness: CommandHarness) -> None:
    """It is gone; what was gone before is a failure only where nobody says otherwise."""
    assert harness.run("rm", "weather").stdout == "weather is removed\n"
    assert harness.connection.bodies == {}
    assert harness.run("rm", "weather").exit_code == ExitCode.NOT_FOUND
    assert harness.run("rm", "weather", "--ignore-not-found").exit_code == ExitCode.OK


@pytest.mark.parametrize(
    ("command", "lasts", "words"),
    [
        (
            "stop",
            True,
            "demo/weather: still stopping in the cluster; `wait --for=stopped` follows it",
        ),
        ("stop", False, "nothing was asked for yet"),
        ("rm", True, "demo/weather: the removal goes on in the cluster"),
        ("rm", False, "nothing was removed"),
        ("wait", True, "nothing was changed by waiting"),
    ],
)
def test_ctrl_c_says_what_stands(
    command: str, lasts: bool, words: str, harness: CommandHarness
) -> None:
    """Interrupted while it waits, and interrupted before it has asked for anything."""

    async def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    path = workloads_path("demo", "weather")
    body = harness.connection.bodies[path]
    if not lasts:
        harness.connection.answers[path] = lambda _: interrupt()
    else:
        body["status"] = {}
        body["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
        harness.connection.react = lambda _: None
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.3)

    result = harness.run(command, "weather")

    assert result.exit_code == ExitCode.INTERRUPTED
    assert result.stderr.splitlines()[-1] == f"error: interrupted; {words}"


def test_errors_tell_what_they_are_by_the_exit_code(harness: CommandHarness) -> None:
    """Rights that are missing, and a refusal by the API server."""
    from mcpworkload.kube.errors import error_of
    from mcpworkload.runtime.answers import workload_error

    for status, code in ((403, ExitCode.NO_CLUSTER), (422, ExitCode.USAGE), (409, ExitCode.FAILED)):

        def refuse(_: Any, status: int = status) -> None:
            raise workload_error(error_of(status, json.dumps({"message": "no"}).encode()))

        harness.connection.answers[workloads_path("demo", "weather")] = refuse
        assert harness.run("stop", "weather").exit_code == code
