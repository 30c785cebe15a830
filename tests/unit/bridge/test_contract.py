"""
The bridge and the operator agree on what both of them know.

The bridge's image carries nothing of the operator, so each has the names and numbers of its own.
"""

from typing import get_args

from mcpworkload.api import stdio, transport
from mcpworkload.api.durations import seconds_of
from mcpworkload.api.names import CONTAINER
from mcpworkload.bridge import install, options
from mcpworkload.controller.desired import bridge, probes, shutdown
from mcpworkload.controller.desired import transport as desired_transport
from mcpworkload.verification import target

DEFAULTS = options.Options()


def test_paths_of_the_bridge_are_those_that_the_operator_asks_for() -> None:
    """A spec may not take them, and probes and hooks lead to them."""
    own = {
        options.READY_PATH, options.IDLE_PATH, options.SERVER_PATH, options.MESSAGES_PATH
    }  # fmt: skip

    assert own == set(transport._BRIDGE_PATHS)
    assert probes.READY_PATH == options.READY_PATH
    assert shutdown.IDLE_PATH == options.IDLE_PATH
    assert target.BRIDGE_PATH == options.SERVER_PATH
    both = options.Options(serve=(options.STREAMABLE_HTTP, options.SSE))
    assert both.sse_path == transport._SSE_PATH


def test_transports_and_sessions_have_the_same_names() -> None:
    """They are options of the bridge as they stand in the spec."""
    assert get_args(stdio.Serve) == (options.STREAMABLE_HTTP, options.SSE)
    assert get_args(stdio.Sessions) == (options.PER_SESSION, options.SHARED)


def test_defaults_are_the_same() -> None:
    """What a spec leaves out, the bridge may be left to decide."""
    assert DEFAULTS.port == transport.Transport(type="stdio").port
    assert DEFAULTS.path == desired_transport._DEFAULT_PATHS[options.STREAMABLE_HTTP]
    assert DEFAULTS.max_sessions == stdio.DEFAULT_MAX_SESSIONS
    assert DEFAULTS.idle_timeout == seconds_of(stdio.DEFAULT_IDLE_TIMEOUT)
    assert DEFAULTS.request_timeout == seconds_of(stdio.DEFAULT_REQUEST_TIMEOUT)


def test_folder_and_container_are_the_same() -> None:
    """The bridge copies itself to where the operator mounts it, and attaches to its container."""
    assert str(install.HOME) == bridge.HOME
    parsed = options.parse(["attach", "--pod", "weather-0"])
    assert isinstance(parsed, options.Attach)
    assert parsed.container == CONTAINER
