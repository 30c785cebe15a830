"""`list` and `get`: what people see, what programs read."""

import json

import pytest
import yaml

from mcpworkload.cli.codes import ExitCode
from mcpworkload.cli.output import age, clean
from tests.support.commands import CREATED, CommandHarness, lines, make_body


def test_a_list_is_a_table(harness: CommandHarness) -> None:
    """One line for each workload, below the names of the columns; nothing is cut in a pipe."""
    result = harness.run("list")

    assert result.exit_code == ExitCode.OK
    head, line = lines(result.stdout)
    assert head == ["NAME", "STATE", "REASON", "READY", "RESTARTS", "AGE", "URL"]
    assert line[:5] == ["weather", "running", "Ready", "1/1", "0"]
    assert line[-1] == "http://weather.demo.svc:8080/mcp"
    assert not any(text.endswith(" ") for text in result.stdout.splitlines())


def test_a_wide_list_of_all_namespaces_says_more() -> None:
    """Namespace first, image and ports at the end."""
    result = CommandHarness(make_body(), make_body("time", "tools")).run("list", "-A", "-o", "wide")

    head, *rows = lines(result.stdout)
    assert head[:2] == ["NAMESPACE", "NAME"]
    assert [row[:2] for row in rows] == [["demo", "weather"], ["tools", "time"]]
    assert {"PORTS", "IMAGE", "STATUS"} <= set(head)
    assert {"8080/tcp", "acme/weather:1"} <= set(rows[0])


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_programs_read_the_same_fields_in_both_formats(
    harness: CommandHarness, output: str
) -> None:
    """The names are the API's; times are RFC 3339."""
    result = harness.run("list", "-o", output)

    (info,) = json.loads(result.stdout) if output == "json" else yaml.safe_load(result.stdout)
    assert info["id"] == "demo/weather"
    assert info["readyReplicas"] == 1
    assert info["created"] == CREATED
    assert info["ports"] == [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]


def test_names_are_what_other_commands_take(harness: CommandHarness) -> None:
    """`-o name` gives ids; each finds its workload again."""
    name = harness.run("list", "-o", "name").stdout.strip()

    assert name == "demo/weather"
    assert harness.run("get", name, "-o", "name").stdout.strip() == name


def test_an_empty_list_is_no_failure_and_no_output() -> None:
    """The remark goes to stderr, so that a script reads nothing."""
    result = CommandHarness().run("list")

    assert (result.exit_code, result.stdout) == (ExitCode.OK, "")
    assert result.stderr == "there are no workloads\n"
    assert json.loads(CommandHarness().run("list", "-o", "json").stdout) == []


def test_a_page_about_one_workload(harness: CommandHarness) -> None:
    """One line for each thing worth knowing."""
    page = dict(line.split(":", 1) for line in harness.run("get", "weather").stdout.splitlines())

    assert page["Id"].strip() == "demo/weather"
    assert page["Status"].strip() == "Ready: as asked for"
    assert page["Labels"].strip() == "-"


def test_isolation_is_shown_where_there_is_any() -> None:
    """The reason of its condition: a column more, a line of the page, a field for programs."""
    isolated = make_body()
    isolated["status"]["conditions"].append(
        {"type": "Isolated", "status": "Unknown", "reason": "EngineNotSeen", "message": "words"}
    )
    harness = CommandHarness(isolated, make_body("time"))

    rows = lines(harness.run("list", "-o", "wide").stdout)
    column = rows[0].index("ISOLATION")
    assert [row[column] for row in rows[1:]] == ["-", "EngineNotSeen"]
    assert "Isolation:  EngineNotSeen\n" in harness.run("get", "weather").stdout
    assert json.loads(harness.run("get", "time", "-o", "json").stdout)["isolation"] == ""


SERVER = {
    "era": "legacy",
    "protocolVersion": "2025-11-25",
    "name": "weather-mcp",
    "title": "The weather",
    "version": "1.4.0",
    "capabilities": ["prompts", "tools"],
    "tools": {"count": 3, "digest": "sha256:abc"},
    "prompts": {"count": 2},
}


def test_what_a_server_says_of_itself_is_shown() -> None:
    """Columns of the wide list, lines of the page, fields for programs; a dash where it is mute."""
    verified = {"type": "Verified", "status": "True", "reason": "HandshakeOk", "message": ""}
    told = make_body(server=SERVER)
    told["status"]["conditions"].append(verified)
    harness = CommandHarness(told, make_body("time"))

    head, mute, row = lines(harness.run("list", "-o", "wide").stdout)
    first = head.index("SERVER")
    assert head[first : first + 4] == ["SERVER", "ERA", "TOOLS", "VERIFICATION"]
    assert mute[first : first + 4] == ["-", "-", "-", "-"]
    # The name and the version are two words here.
    assert row[first : first + 5] == ["weather-mcp", "1.4.0", "legacy", "3", "HandshakeOk"]

    page = dict(line.split(":", 1) for line in harness.run("get", "weather").stdout.splitlines())
    assert page["Server"].strip() == "weather-mcp 1.4.0 (The weather)"
    assert page["Protocol"].strip() == "2025-11-25 (legacy)"
    assert page["Tools"].strip() == "3 sha256:abc"
    assert page["Offers"].strip() == "prompts, tools, 2 prompts"
    assert page["Verified"].strip() == "HandshakeOk"

    found = json.loads(harness.run("list", "-o", "json").stdout)
    assert [each["server"] and each["server"]["toolsDigest"] for each in found] == [
        None,
        "sha256:abc",
    ]
    assert [each["verification"] for each in found] == ["", "HandshakeOk"]


def test_what_strangers_write_does_not_steer_the_terminal() -> None:
    """A message with an escape sequence is shown without it, on a page and in a table."""
    body = make_body()
    body["status"]["conditions"][0]["message"] = "\x1b]0;gotcha\x07\x1b[31mred\nnew line"

    for words in (("get", "weather"), ("list", "-o", "wide")):
        text = CommandHarness(body).run(*words).stdout
        assert "gotcha" in text
        assert not set(text) & {"\x1b", "\x07"}
    assert clean("a\x1bb\nc\u202ed") == "a b c d"


def test_what_is_not_there(harness: CommandHarness) -> None:
    """Its own exit code, one line, nothing on stdout."""
    result = harness.run("get", "nothing")

    assert (result.exit_code, result.stdout) == (ExitCode.NOT_FOUND, "")
    assert result.stderr == "error: demo/nothing: not found\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (172_800, "2d"), (-5, "0s")],
)
def test_ages_are_short(seconds: int, words: str) -> None:
    """As kubectl says them; a clock that is ahead of ours does no harm."""
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert age(now - timedelta(seconds=seconds), now) == words


def test_a_selector_goes_to_the_api_server(harness: CommandHarness) -> None:
    """As kubectl's -l does."""
    assert harness.run("list", "-l", "team=weather,tier!=test").exit_code == ExitCode.OK
    assert harness.connection.queries[-1] == {"labelSelector": "team=weather,tier!=test"}


@pytest.mark.parametrize("output", [None, "json", "name"])
def test_a_watched_workload_is_printed_again_when_it_changes(output: str | None) -> None:
    """All of them first, then a line or a document for each change that can be seen."""
    from tests.support.commands import settle

    harness = CommandHarness(make_body(), make_body("time"))
    crashed = make_body()
    crashed["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "reason": "CrashLooping", "message": "code 1"},
        {"type": "Available", "status": "False", "reason": "CrashLooping", "message": "code 1"},
    ]
    same = make_body("time")
    settle(same)
    harness.connection.events = [
        {"type": "MODIFIED", "object": same},
        {"type": "MODIFIED", "object": crashed},
        {"type": "DELETED", "object": make_body("time")},
    ]
    for event in harness.connection.events:
        event["object"]["metadata"]["resourceVersion"] = "2"

    result = harness.run("list", "-w", *(("-o", output) if output else ()))

    assert result.exit_code == ExitCode.INTERRUPTED
    assert result.stderr == "demo/time is gone\n"
    words = lines(result.stdout)
    if output is None:
        names = [(line[0], line[1]) for line in words[1:]]
        assert names == [("time", "running"), ("weather", "running"), ("weather", "failed")]
    elif output == "name":
        assert [line[0] for line in words] == [
            *("demo/time", "demo/weather", "demo/time", "demo/weather")
        ]
    else:
        assert result.stdout.count('"name": "weather"') == 2


def test_a_workload_that_is_refused_is_failed_though_it_has_no_replicas() -> None:
    """There is nothing that could end."""
    body = make_body(
        conditions=[
            {"type": kind, "status": "False", "reason": "PatchRejected", "message": "no"}
            for kind in ("Accepted", "Ready")
        ]
    )
    body["spec"]["replicas"] = 0

    assert lines(CommandHarness(body).run("list").stdout)[1][1] == "failed"


def test_a_workload_without_ports_has_a_dash() -> None:
    """A stdio server that nobody serves."""
    body = make_body(url="")
    body["spec"]["transport"] = {"type": "stdio", "stdio": {"bridge": "None"}}

    page = dict(
        line.split(":", 1)
        for line in CommandHarness(body).run("get", "weather").stdout.splitlines()
    )

    assert page["Ports"].strip() == "-"


def test_versions_are_those_of_all_that_is_installed() -> None:
    """Without the right to see the operator it says so, and fails not."""
    from tests.unit.cli.test_findings import answers

    seen = CommandHarness(answers=answers()).run("version").stdout
    assert "crd mcpworkload.dev/v1alpha1: the CRD is served, and of this program's version" in seen
    assert "operator op:1" in seen

    def refuse(_: object) -> None:
        from mcpworkload.runtime import RightsMissing

        raise RightsMissing("no")

    unseen = CommandHarness(answers=answers(operator=refuse)).run("version")
    assert unseen.exit_code == ExitCode.OK
    assert "operator unknown: no right to list deployments in mcpworkload-system" in unseen.stdout
