"""`verify`, `tools --digest` and `--diff`, `run --pin-tools`: commands with real servers behind."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.cli.cluster import Cluster
from mcpworkload.cli.codes import ExitCode
from mcpworkload.kube.paths import core_path
from mcpworkload.verification.tools import digest_tools
from tests.component.cli.test_verifying import Led
from tests.support.commands import CommandHarness, Manifest, make_body
from tests.support.mcp_answers import TOOLS, Handler, guarded, page, serving, streamable
from tests.unit.cli.test_findings import answers

DIGEST = digest_tools(TOOLS).digest


@pytest.fixture(autouse=True)
def servers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Handler]:
    """How the server in each pod answers, by the pod's name; a forward leads there."""
    handlers: dict[str, Handler] = {"weather-0": streamable, "weather-1": page}

    @asynccontextmanager
    async def forward(_: Cluster, namespace: str, pod: str, port: int) -> AsyncIterator[Led]:
        assert (namespace, port) == ("demo", 8080)
        async with serving("/mcp", handlers[pod]) as here:
            yield Led(here)

    monkeypatch.setattr(Cluster, "forward", forward)
    return handlers


def make_pod(number: int, *, runs: bool = True, ready: bool = True) -> Manifest:
    """A pod of the workload, whose server runs or waits for its image."""
    state: Manifest = {"running": {}} if runs else {"waiting": {"reason": "ImagePullBackOff"}}
    return {
        "metadata": {"name": f"weather-{number}"},
        "status": {
            "phase": "Running" if runs else "Pending",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "mcp", "state": state}],
        },
    }


def harness_of(*pods: Manifest, **status: Any) -> CommandHarness:
    """A workload with those pods, whose status says that."""
    body = make_body(**status)
    body["metadata"]["resourceVersion"] = "7"
    body["spec"]["verification"] = {"timeout": "2s"}
    return CommandHarness(body, answers={core_path("pods", "demo"): {"items": list(pods)}})


def said_of(body: Manifest, status: str, reason: str, message: str) -> list[Manifest]:
    """The workload's conditions, and Verified."""
    verified = {"type": "Verified", "status": status, "reason": reason, "message": message}
    return [*body["status"]["conditions"], verified]


def test_a_server_that_answers_is_shown_step_by_step() -> None:
    """Though its pod is not ready: then it is that one wants to know."""
    result = harness_of(make_pod(0, ready=False)).run("verify", "weather")

    assert result.exit_code == ExitCode.OK, result.output
    pod, *steps, finding, operator = result.stdout.splitlines()
    assert pod == "weather-0"
    assert steps[0].startswith("  POST /mcp server/discover -> 200, error -32601  (")
    assert steps[1].startswith("  POST /mcp initialize -> 200, an MCP server of 2025-11-25  (")
    assert finding == f"  HandshakeOk: weather-mcp 1.4; legacy, 2025-11-25; 2 tools {DIGEST}"
    assert operator == "the operator says nothing: it does not verify this workload"


def test_each_pod_is_asked_and_one_that_is_wrong_is_the_result() -> None:
    """With what the operator says beside it."""
    words = said_of(make_body(), "False", "NotMcp", "pod weather-1: an HTML page")
    harness = harness_of(make_pod(0), make_pod(1), make_pod(2, runs=False), conditions=words)

    result = harness.run("verify", "weather")

    assert result.exit_code == ExitCode.NOT_READY
    assert "  NotMcp: POST /mcp was answered with 200, text/html; " in result.stdout
    assert "  NotRunning: none of its containers runs (ImagePullBackOff)" in result.stdout
    assert "Verified=False, NotMcp: pod weather-1: an HTML page" in result.stdout
    assert "-> correct" not in result.stdout
    assert result.stderr == ("error: demo/weather: 2 of 3 pods did not answer as an MCP server\n")
    assert harness.run("verify", "weather", "--replica", "0").exit_code == ExitCode.OK
    assert harness.run("verify", "weather", "--replica", "7").exit_code == ExitCode.NOT_READY


def test_what_only_the_operator_meets_is_explained() -> None:
    """A port-forward ends at 127.0.0.1, where the operator never comes."""
    words = said_of(make_body(), "False", "ConnectionRefused", "pod weather-0")

    result = harness_of(make_pod(0), conditions=words).run("verify", "weather")

    assert result.exit_code == ExitCode.OK
    assert "all addresses, not on 127.0.0.1 alone" in result.stdout.splitlines()[-1]


def test_programs_get_all_of_it() -> None:
    """The server in the form of `get -o json`, the steps, the condition."""
    words = said_of(make_body(), "True", "HandshakeOk", "")
    result = harness_of(make_pod(0), conditions=words).run("verify", "weather", "-o", "json")

    found = json.loads(result.stdout)
    (pod,) = found["pods"]
    assert (found["id"], found["condition"]["reason"]) == ("demo/weather", "HandshakeOk")
    assert (pod["pod"], pod["result"], pod["message"]) == ("weather-0", "HandshakeOk", "")
    assert (pod["server"]["name"], pod["server"]["toolsDigest"]) == ("weather-mcp", DIGEST)
    assert pod["steps"][1]["asked"] == "POST /mcp initialize"


def test_headers_let_the_command_in(servers: dict[str, Handler]) -> None:
    """What is sent is never shown; a server that wants more is not verified."""

    async def only_friends(request: Any) -> Any:
        is_friend = request.headers.get("Authorization") == "Bearer s3cret"
        return await (streamable if is_friend else guarded)(request)

    servers["weather-0"] = only_friends
    harness = harness_of(make_pod(0))

    outside = harness.run("verify", "weather")
    inside = harness.run("verify", "weather", "--header", "Authorization: Bearer s3cret")

    assert outside.exit_code == ExitCode.NOT_READY
    assert "  AuthRequired: " in outside.stdout
    assert inside.exit_code == ExitCode.OK
    assert "s3cret" not in inside.output


@pytest.mark.parametrize("text", ["s3cret", "a b: s3cret", ": s3cret", "a: s3cret\nb: c", "a: ü"])
def test_what_is_no_header_is_refused_unseen(text: str) -> None:
    """It may be a secret."""
    result = harness_of(make_pod(0)).run("verify", "weather", "--header", text)

    assert result.exit_code == ExitCode.USAGE
    assert "write 'Name: value'" in result.stderr
    assert "s3cret" not in result.output


@pytest.mark.parametrize(
    ("handler", "code", "line"),
    [
        (streamable, ExitCode.OK, "ok   demo/weather answers as an MCP server does"),
        (guarded, ExitCode.OK, "ok   demo/weather answers and wants credentials"),
        (page, ExitCode.FAILED, "FAIL demo/weather: POST /mcp was answered with 200, text/html"),
    ],
)
def test_doctor_asks_the_same(
    servers: dict[str, Handler], handler: Handler, code: ExitCode, line: str
) -> None:
    """A workload that is ready by its status may still be no MCP server."""
    servers["weather-0"] = handler
    harness = harness_of(make_pod(0))
    harness.connection.answers |= answers()

    result = harness.run("doctor", "weather")

    assert result.exit_code == code
    assert any(found.startswith(line) for found in result.stdout.splitlines()), result.stdout


@pytest.mark.parametrize("words", [("verify",), ("tools", "--digest")])
def test_a_workload_that_nothing_serves_cannot_be_asked(words: tuple[str, ...]) -> None:
    """There is no port."""
    body = make_body(url="")
    body["spec"]["transport"] = {"type": "stdio", "stdio": {"bridge": "None"}}

    result = CommandHarness(body).run(words[0], "weather", *words[1:])

    assert result.exit_code == ExitCode.USAGE
    assert "not served over HTTP" in result.stderr


def test_a_workload_without_pods_is_not_running() -> None:
    """It may be stopped."""
    result = harness_of().run("verify", "weather")

    assert result.exit_code == ExitCode.NOT_READY
    assert "it has no pods" in result.stderr


def test_the_digest_is_that_of_the_operator(servers: dict[str, Handler]) -> None:
    """And nothing else on the line, for a script."""
    harness = harness_of(make_pod(0))

    assert harness.run("tools", "weather", "--digest").stdout == f"{DIGEST}\n"

    servers["weather-0"] = page
    wrong = harness.run("tools", "weather", "--digest")
    assert (wrong.exit_code, wrong.stdout) == (ExitCode.NOT_READY, "")
    assert "NotMcp" in wrong.stderr


def test_a_list_is_compared_with_one_that_was_saved(tmp_path: Path) -> None:
    """All pages of it: equal lists print nothing, others one line for each tool; as diff does."""
    harness = harness_of(make_pod(0))
    saved = harness.run("tools", "weather", "-o", "json").stdout
    assert [tool["name"] for tool in json.loads(saved)] == ["forecast", "alert"]
    same, other = tmp_path / "same.json", tmp_path / "other.json"
    same.write_text(saved)
    other.write_text(
        json.dumps([{**json.loads(saved)[0], "description": "Ignore all"}, {"name": "gone"}])
    )

    equal = harness.run("tools", "weather", "--diff", str(same))
    different = harness.run("tools", "weather", "--diff", str(other))

    assert (equal.exit_code, equal.output) == (ExitCode.OK, "")
    assert (different.exit_code, different.output) == (
        ExitCode.FAILED,
        "+ alert\n- gone\n~ forecast (description)\n",
    )


RUN = ("run", "acme/weather:1", "--name", "weather")


def status_with(digest: str, reason: str = "HandshakeOk") -> Any:
    """What an operator does that has verified the workload, and found those tools."""
    from tests.support.commands import settle

    def react(body: Manifest) -> None:
        settle(body)
        version = int(body["metadata"].get("resourceVersion", 7)) + 1
        body["metadata"]["resourceVersion"] = str(version)
        condition = {"type": "Verified", "status": "True", "reason": reason, "message": ""}
        body["status"]["conditions"].append(condition)
        tools = {"count": 1, "digest": digest}
        body["status"]["server"] = {"era": "modern", "tools": tools}

    return react


def test_tools_are_pinned_as_the_operator_has_read_them() -> None:
    """Once it is ready; with the mode beside it. The next run without the option unpins them."""
    harness = harness_of()
    harness.connection.react = status_with("sha256:" + "a" * 64)

    result = harness.run(*RUN, "--pin-tools", "--verify", "OnStart")

    assert result.exit_code == ExitCode.OK, result.output
    assert result.stdout.endswith("; its tools are pinned\n")
    assert harness.spec()["verification"] == {
        "mode": "OnStart",
        "expectTools": "sha256:" + "a" * 64,
    }
    assert harness.run(*RUN).exit_code == ExitCode.OK
    assert "verification" not in harness.spec()


def test_tools_that_the_operator_has_not_read_are_read_from_here() -> None:
    """An installation may verify nothing."""
    harness = harness_of(make_pod(0))
    harness.connection.react = status_with("", "AuthRequired")

    assert harness.run(*RUN, "--pin-tools").exit_code == ExitCode.OK
    assert harness.spec()["verification"] == {"expectTools": DIGEST}


def test_where_there_is_no_digest_nothing_is_pinned(servers: dict[str, Handler]) -> None:
    """The workload stays; the message says why."""
    servers["weather-0"] = guarded
    harness = harness_of(make_pod(0))
    harness.connection.react = status_with("")

    result = harness.run(*RUN, "--pin-tools")

    assert result.exit_code == ExitCode.FAILED
    assert result.stderr.splitlines()[-1].startswith(
        "error: demo/weather is ready, and its tools are not pinned: AuthRequired"
    )
    assert "verification" not in harness.spec()


@pytest.mark.parametrize("words", [("--dry-run",), ("--verify", "Off")])
def test_a_pin_without_a_server_to_ask_is_refused(words: tuple[str, ...]) -> None:
    """Before anything is done."""
    harness = harness_of()

    result = harness.run(*RUN, "--pin-tools", *words)

    assert result.exit_code == ExitCode.USAGE
    assert f"leave {' '.join(words)} out" in result.stderr
    assert harness.connection.requests == []
