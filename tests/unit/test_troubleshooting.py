"""The page that users find by a reason or by what they see: each stands in it once."""

import re

from mcpworkload.api.reasons import (
    AcceptedReason,
    AvailableReason,
    IsolatedReason,
    ReadyReason,
    Reason,
    VerifiedReason,
)
from tests.support.page import PAGE, read_blocks
from tests.support.troubles import TROUBLES

GOOD = {
    AcceptedReason.ACCEPTED,
    AvailableReason.REPLICAS_READY,
    ReadyReason.READY,
    IsolatedReason.ENFORCED,
    VerifiedReason.HANDSHAKE_OK,
}


def test_every_reason_is_explained() -> None:
    """In a row of its own, by the name that the status shows."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    reasons = {reason for kind in Reason.__subclasses__() for reason in kind} - GOOD
    assert sorted(rows) == sorted(set(rows))
    assert set(rows) == {str(reason) for reason in reasons}


def test_every_trouble_has_its_section() -> None:
    """With what the tests on a cluster see of it."""
    titles = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    blocks = read_blocks()

    assert titles == [trouble.title for trouble in TROUBLES] == list(blocks)
    for trouble in TROUBLES:
        assert [words for words in trouble.says if words not in blocks[trouble.title]] == []
