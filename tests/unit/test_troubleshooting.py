"""The page that users find by a reason: every reason stands in it, and nothing else does."""

import re
from pathlib import Path

from mcpworkload.reasons import AcceptedReason, AvailableReason, EventReason, ReadyReason

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
GOOD = {AcceptedReason.ACCEPTED, AvailableReason.REPLICAS_READY, ReadyReason.READY}


def test_every_reason_is_explained() -> None:
    """In a row of its own, by the name that the status shows."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    reasons = {*AcceptedReason, *AvailableReason, *ReadyReason, *EventReason} - GOOD
    assert sorted(rows) == sorted(set(rows))
    assert set(rows) == {str(reason) for reason in reasons}
