"""Specs of stdio servers: which bridge they get, and what is refused in which words."""

from typing import Any

import pytest

from mcpworkload.api.durations import seconds_of
from mcpworkload.api.stdio import Bridge
from tests.support import stdio_specs
from tests.support.parsed import make_workload
from tests.support.stdio_specs import ATTACH, COMMAND, NONE, stdio
from tests.unit.api.test_refusals import make_body, refusal


@pytest.mark.parametrize("spec", stdio_specs.GOOD.values(), ids=stdio_specs.GOOD)
def test_good_specs_are_accepted(spec: dict[str, Any]) -> None:
    """Every field of them arrives."""
    assert make_workload(**spec).spec.bridge is not None


@pytest.mark.parametrize(
    ("spec", "path", "words"), stdio_specs.BAD.values(), ids=list(stdio_specs.BAD)
)
def test_a_bad_spec_is_answered_with_path_and_remedy(
    spec: dict[str, Any], path: str, words: str
) -> None:
    """The API server, which says the same, is asked in the integration tests."""
    text = refusal(make_body(**spec))

    assert f"{path}: found" in text
    assert words in text


@pytest.mark.parametrize(
    ("spec", "bridge"),
    [
        pytest.param({}, None, id="HTTP needs none"),
        pytest.param(stdio(**COMMAND), Bridge.INJECT, id="a program to start"),
        pytest.param(stdio({"bridge": "Auto"}, **COMMAND), Bridge.INJECT, id="by its word"),
        pytest.param(stdio(), Bridge.ATTACH, id="the image's own entry point"),
        pytest.param(stdio(args=["--x"]), Bridge.ATTACH, id="arguments are no program"),
        pytest.param(stdio(ATTACH, **COMMAND), Bridge.ATTACH, id="as asked for"),
        pytest.param(stdio(NONE, **COMMAND), Bridge.NONE, id="none, as asked for"),
    ],
)
def test_which_bridge_it_is(spec: dict[str, Any], bridge: Bridge | None) -> None:
    """Left open, it follows from whether the operator knows what to start."""
    assert make_workload(**spec).spec.bridge is bridge


def test_what_is_served_twice_is_refused() -> None:
    """The API server says so by the list's type."""
    assert "spec.transport.stdio.serve: found a list; write sse once" in refusal(
        make_body(**stdio({"serve": ["sse", "sse"]}))
    )
    assert "write at least 1 entry, or leave it out" in refusal(make_body(**stdio({"serve": []})))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("1h30m", 5400), ("90s", 90), ("1500ms", 1.5), ("1m5ms", 60.005)],
)
def test_durations(text: str, seconds: float) -> None:
    """As Kubernetes writes them."""
    assert seconds_of(text) == pytest.approx(seconds)
