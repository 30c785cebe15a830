"""The lines of an egress proxy's log."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.api.egress_log import Denial, describe, parse_denial

LINE = (
    '{"time":"2026-11-26T19:02:11Z","client":"10.244.0.7","method":"CONNECT",'
    '"host":"evil.example","port":"443","status":"403","why":"host"}'
)
DENIAL = Denial("2026-11-26T19:02:11Z", "10.244.0.7", "CONNECT", "evil.example", 443, 403, "host")


def test_a_line_of_the_log() -> None:
    """A line of the log."""
    assert parse_denial(LINE) == DENIAL
    said = describe(DENIAL)
    assert said == "19:02:11 CONNECT evil.example:443 denied: not in network.outbound.allowHost"


@pytest.mark.parametrize(
    "line",
    ["", "2026/11/26 19:22:08| HTCP Disabled.", "[]", "1", "{}", LINE.replace('"403"', "403")],
)
def test_other_lines_report_no_denial(line: str) -> None:
    """Other lines report no denial."""
    assert parse_denial(line) is None


def test_addresses_come_escaped() -> None:
    """Addresses come escaped."""
    found = parse_denial(LINE.replace("evil.example", "%5B2001:db8::1%5D"))
    assert found is not None
    assert found.host == "[2001:db8::1]"


def test_what_squid_does_not_know() -> None:
    """What squid does not know."""
    found = parse_denial(LINE.replace('"443"', '"-"').replace('"403"', '"000"'))
    assert found is not None
    assert (found.port, found.status) == (0, 0)
    assert " evil.example denied" in describe(found)


def test_reasons_of_a_newer_operator_are_shown_as_they_are() -> None:
    """Reasons of a newer operator are shown as they are."""
    found = parse_denial(LINE.replace('"host"}', '"moon"}'))
    assert found is not None
    assert describe(found).endswith("denied: moon")


@given(st.text())
def test_no_line_raises(line: str) -> None:
    """No line raises."""
    parse_denial(line)


@given(st.text(), st.text())
def test_no_word_of_a_client_reaches_a_terminal_as_a_command(method: str, host: str) -> None:
    """No word of a client reaches a terminal as a command."""
    line = json.dumps(json.loads(LINE) | {"method": method, "host": host})
    found = parse_denial(line)
    assert found is not None
    assert describe(found).isprintable()
