"""Descriptors: how many there may be, and who gets them."""

import resource
import subprocess
import sys

import pytest

from mcpworkload.bridge import limits

RAISE = """
import resource, subprocess
from mcpworkload.bridge import limits
restore = limits.raise_descriptor_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE), flush=True)
subprocess.run(["sh", "-c", "ulimit -Sn; ulimit -Hn"], preexec_fn=restore)
print(limits.raise_descriptor_limit())
"""


def test_we_get_what_there_is_and_servers_what_there_was() -> None:
    """The soft limit becomes the hard one; a child begins with the old one."""
    shell = ["sh", "-c", 'ulimit -Sn 200; ulimit -Hn 300; exec "$0" -c "$1"']
    said = subprocess.run(
        [*shell, sys.executable, RAISE], check=True, capture_output=True, text=True
    ).stdout

    assert said.split() == ["300", "300", "200", "300", "None"]


@pytest.mark.parametrize(
    ("descriptors", "sessions", "connections"),
    [(20_000, 64, 19_744), (1024, 64, 768), (1024, 300, 256), (256, 64, 64), (256, 8, 168)],
)
def test_connections_leave_descriptors_for_servers(
    monkeypatch: pytest.MonkeyPatch, descriptors: int, sessions: int, connections: int
) -> None:
    """Three for each session; a quarter of a small limit is left for whoever asks."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))

    assert limits.connection_limit(sessions) == connections
