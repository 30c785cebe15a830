"""`connect`: what a client is told, and how it ends where there is nothing to connect to."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.cli.codes import ExitCode
from mcpworkload.cli.commands.connect import stable_port
from tests.support.commands import CommandHarness, make_body

PORT = stable_port("demo/weather")
UNSERVED = {"type": "stdio", "stdio": {"bridge": "None"}}


def make_harness(transport: dict[str, Any], **status: Any) -> CommandHarness:
    """One workload with that transport."""
    body = make_body(**status)
    body["spec"]["transport"] = transport
    return CommandHarness(body)


def config_of(harness: CommandHarness, client: str, *words: str) -> dict[str, Any]:
    """What is printed for *client*."""
    result = harness.run("connect", "weather", "--print-config", client, *words)
    assert result.exit_code == ExitCode.OK, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("client", "key", "kind"),
    [
        ("claude", "mcpServers", {}),
        ("vscode", "servers", {"type": "stdio"}),
        ("cursor", "mcpServers", {}),
    ],
)
def test_a_server_that_nothing_serves_is_attached_to(
    client: str, key: str, kind: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client starts the command, wherever it runs: the kubeconfig's path is a whole one."""
    monkeypatch.chdir(tmp_path)
    Path("config").touch()
    harness = make_harness(UNSERVED, url="")

    entry = {**kind, "command": "mcpworkload", "args": ["attach", "demo/weather"]}
    assert config_of(harness, client) == {key: {"weather": entry}}
    chosen = config_of(harness, client, "--context", "c", "--kubeconfig", "config")
    where = ["--context", "c", "--kubeconfig", str(tmp_path / "config")]
    assert chosen[key]["weather"]["args"] == ["attach", "demo/weather", *where]


@pytest.mark.parametrize(
    ("client", "key", "kind"),
    [
        ("claude", "mcpServers", {"type": "http"}),
        ("vscode", "servers", {"type": "http"}),
        ("cursor", "mcpServers", {}),
    ],
)
def test_a_server_that_listens_has_a_url_that_stays(
    client: str, key: str, kind: dict[str, str]
) -> None:
    """It needs a forward that runs, and that is said where it does not disturb."""
    harness = make_harness({"type": "streamable-http"}, url="http://weather.demo.svc:8080/api")

    entry = {**kind, "url": f"http://127.0.0.1:{PORT}/api"}
    assert config_of(harness, client) == {key: {"weather": entry}}
    assert config_of(harness, client, "--port", "9000")[key]["weather"]["url"].endswith(":9000/api")
    note = harness.run("connect", "weather", "--print-config", client, "--port", "9000").stderr
    assert note == "it works while `mcpworkload connect demo/weather --port 9000` runs\n"


@pytest.mark.parametrize(
    ("transport", "url", "kind", "address"),
    [
        ({"type": "sse"}, "http://w:1/sse", "sse", f"http://127.0.0.1:{PORT}/sse"),
        (
            {"type": "stdio", "stdio": {"serve": ["sse"]}},
            "http://w:1/sse",
            "sse",
            f"http://127.0.0.1:{PORT}/sse",
        ),
        ({"type": "stdio"}, "http://w:1/mcp", "http", f"http://127.0.0.1:{PORT}/mcp"),
        (
            {"type": "streamable-http", "scheme": "HTTPS"},
            "https://w:1/mcp",
            "http",
            f"https://127.0.0.1:{PORT}/mcp",
        ),
    ],
)
def test_the_url_follows_the_transport(
    transport: dict[str, Any], url: str, kind: str, address: str
) -> None:
    """Scheme, path, and how the server speaks."""
    entry = config_of(make_harness(transport, url=url), "claude")["mcpServers"]["weather"]
    assert entry == {"type": kind, "url": address}


def test_a_port_that_changes_is_no_configuration() -> None:
    """Nor can a server be forwarded to that does not listen, or that there is not."""
    served, unserved = CommandHarness(make_body()), make_harness(UNSERVED, url="")

    refused = served.run("connect", "weather", "--print-config", "claude", "--port", "0")
    assert (refused.exit_code, "a port that stays" in refused.stderr) == (ExitCode.USAGE, True)
    silent = unserved.run("connect", "weather")
    assert silent.exit_code == ExitCode.USAGE
    assert "use `mcpworkload attach demo/weather`" in silent.stderr
    assert served.run("connect", "nothing").exit_code == ExitCode.NOT_FOUND


def test_a_port_that_is_taken_is_reported_by_its_option() -> None:
    """Only the port that nobody has asked for is replaced."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CommandHarness(make_body()).run("connect", "weather", "--port", str(port))

    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith(f"error: --port {port}: ")


def test_the_same_workload_has_the_same_port() -> None:
    """Another one, mostly, another."""
    assert stable_port("demo/weather") == stable_port("demo/weather") != stable_port("demo/time")
    assert all(20_000 <= stable_port(f"demo/{number}") < 30_000 for number in range(200))


def test_the_page_shows_what_is_printed() -> None:
    """docs/reach.md, for a workload of that name and namespace."""
    page = (Path(__file__).parents[3] / "docs" / "reach.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    shown = [json.loads(block) for block in blocks]
    body = make_body(namespace="tools", url="http://weather.tools.svc:8080/mcp")
    raw = make_body(namespace="tools", url="")
    raw["spec"]["transport"] = UNSERVED

    printed = [
        json.loads(
            CommandHarness(one).run("connect", "tools/weather", "--print-config", "claude").stdout
        )
        for one in (body, raw)
    ]
    assert shown == printed
