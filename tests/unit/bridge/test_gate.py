"""The decisions of the gate: what a row of findings proves, what is said, how long it pauses."""

import pytest

from mcpworkload.bridge.gate import (
    LAST_PAUSE_SECONDS,
    REPEAT_SECONDS,
    ROUNDS,
    Finding,
    Notices,
    Proof,
    pause_after,
)
from mcpworkload.bridge.options import Address, BadOption, Gate, parse

ENFORCED, OPEN, UNSEEN, NO_PROXY = Finding
GATE = Gate(
    control=Address("10.96.0.7", 8081),
    forbidden=Address("10.96.0.7", 8080),
    proxy=Address("fd00::9", 3128),
)


@pytest.mark.parametrize(
    ("batches", "shown"),
    [
        pytest.param([[ENFORCED] * 3], ENFORCED, id="three in a row"),
        pytest.param([[ENFORCED, ENFORCED]], None, id="two are too few"),
        pytest.param([[ENFORCED, OPEN, ENFORCED]], OPEN, id="one that was open"),
        pytest.param([[UNSEEN, ENFORCED, ENFORCED]], UNSEEN, id="one without the operator"),
        pytest.param([[OPEN] * 3, [ENFORCED] * 3], ENFORCED, id="three after all"),
        pytest.param(
            [[OPEN, ENFORCED, ENFORCED], [ENFORCED, UNSEEN, OPEN]], UNSEEN, id="three, then not"
        ),
        pytest.param([[ENFORCED, ENFORCED, OPEN], [ENFORCED, ENFORCED, OPEN]], OPEN, id="flapping"),
    ],
)
def test_only_rounds_in_a_row_are_a_proof(
    batches: list[list[Finding]], shown: Finding | None
) -> None:
    """Any other finding begins the count anew, also one in the batch that completed it."""
    proof = Proof()

    found = [proof.take(batch) for batch in batches]

    assert proof.is_complete is (shown is ENFORCED)
    if shown is not None:
        assert found[-1] is shown


def test_a_proof_takes_three_rounds() -> None:
    """Fewer could be lost packets."""
    proof = Proof()
    for _ in range(ROUNDS - 1):
        proof.take([ENFORCED])
        assert not proof.is_complete

    proof.take([ENFORCED])

    assert proof.is_complete


def test_a_change_is_printed_at_once_and_the_same_every_ten_seconds() -> None:
    """A log that repeats itself each second hides what changed."""
    notices = Notices(GATE)

    assert notices.line(OPEN, 0.0) == (
        "the rules are not enforced yet: 10.96.0.7:8080 accepts connections"
    )
    assert notices.line(OPEN, REPEAT_SECONDS - 0.1) is None
    assert notices.line(OPEN, REPEAT_SECONDS) is not None
    assert notices.line(UNSEEN, REPEAT_SECONDS + 0.1) == (
        "no answer from the operator at 10.96.0.7:8081: it cannot be seen whether the rules are "
        "enforced"
    )
    assert notices.line(NO_PROXY, REPEAT_SECONDS + 0.2) == (
        "the rules are enforced; no answer yet from the egress proxy at [fd00::9]:3128"
    )


def test_pauses_grow_to_a_second() -> None:
    """A rule mostly comes at once; one that does not comes from an operator with much to do."""
    pauses = [pause_after(tries) for tries in range(2000)]

    assert pauses[0] == pytest.approx(0.1)
    assert pauses == sorted(pauses)
    assert max(pauses) == LAST_PAUSE_SECONDS


def test_the_command_line_of_the_gate() -> None:
    """As the operator writes it, IPv6 addresses in brackets."""
    line = "gate --control 10.96.0.7:8081 --forbidden 10.96.0.7:8080"

    assert parse(line.split()) == Gate(GATE.control, GATE.forbidden)
    assert parse([*line.split(), "--proxy", "[fd00::9]:3128"]) == GATE


@pytest.mark.parametrize(
    "text",
    ["10.0.0.7", "operator:8081", "10.0.0.7:0", "10.0.0.7:65536", "fd00::7:81", "[10.0.0.7]:1",
     "[fd00::7]", ":8081", "10.0.0.7:x", "10.0.0.7\0:1"],
)  # fmt: skip
def test_only_addresses_with_ports_are_taken(text: str) -> None:
    """A name would have to be looked up, which an isolated pod may not."""
    with pytest.raises(BadOption, match="is no address with a port; write one such as"):
        parse(["gate", "--control", text, "--forbidden", "10.0.0.7:1"])
