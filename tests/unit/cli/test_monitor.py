"""`monitor`: one line for each thing that happens."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mcpworkload.cli.codes import ExitCode
from mcpworkload.cli.commands.monitor import describe
from mcpworkload.runtime import (
    ToolsChanged,
    WorkloadEvent,
    WorkloadEvicted,
    WorkloadExited,
    WorkloadRemoved,
    WorkloadRestarted,
    WorkloadUnverified,
    WorkloadVerified,
)
from tests.support.commands import CommandHarness

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WHERE = {"workload": "demo/weather", "pod": "weather-0", "container": "mcp"}


def exited(kind: type[WorkloadExited] = WorkloadExited, **parts: Any) -> WorkloadExited:
    """An exit with code 1."""
    fields: dict[str, Any] = {
        **WHERE,
        "pod_uid": "uid",
        "container_id": "containerd://1",
        "image": "acme/weather:1",
        "exit_code": 1,
        "signal": None,
        "reason": "Error",
        "message": "",
        "started_at": NOON,
        "finished_at": NOON,
        **parts,
    }
    return kind(**fields)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (exited(), "exited (Error, code 1)"),
        (exited(message="no key\n"), "exited (Error, code 1): no key"),
        (
            exited(exit_code=None, reason="Unknown", count=3),
            "exited (Unknown, exit code unknown, 3 times)",
        ),
        (
            exited(WorkloadEvicted, exit_code=137, reason="Evicted"),
            "was evicted (Evicted, code 137)",
        ),
        (WorkloadRestarted(**WHERE, restart_count=2), "runs again (restart 2)"),
    ],
    ids=["exit", "with a message", "unknown", "eviction", "restart"],
)
def test_what_happens_is_one_line(event: WorkloadEvent, words: str) -> None:
    """When, which container, how it ended and what it said."""
    line = describe(event, NOON)

    assert line == f"12:00:00 demo/weather: pod weather-0, container mcp {words}"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (WorkloadRemoved("demo/weather"), "it was removed"),
        (
            WorkloadVerified("demo/weather"),
            "it is verified: each pod answers as an MCP server does",
        ),
        (
            WorkloadUnverified("demo/weather", "NotMcp", "POST /mcp was answered 404"),
            "it is not verified (NotMcp): POST /mcp was answered 404",
        ),
        (
            ToolsChanged("demo/weather", "sha256:a", "sha256:b", 3, 4),
            "its tools changed (3 before, 4 now, sha256:b)",
        ),
        (ToolsChanged("demo/weather", "sha256:a", "", 3, 0), "its tools changed (3 before, 0 now)"),
    ],
)
def test_what_is_about_all_pods_names_none(event: WorkloadEvent, words: str) -> None:
    """There is no container to name."""
    assert describe(event, NOON) == f"12:00:00 demo/weather: {words}"


def test_one_workload_or_all_of_them(harness: CommandHarness) -> None:
    """Both at once cannot be meant."""
    result = harness.run("monitor", "weather", "--all-namespaces")

    assert result.exit_code == ExitCode.USAGE
    assert "give NAME or --all-namespaces, not both" in result.stderr
