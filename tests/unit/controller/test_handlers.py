"""How urgent it is what kopf shows."""

import pytest

from mcpworkload.controller.handlers import _priority
from mcpworkload.controller.lanes import Priority
from mcpworkload.controller.store import WorkloadStore
from tests.support.parsed import make_body


@pytest.mark.parametrize(
    ("type_", "is_known", "priority"),
    [
        pytest.param("ADDED", False, Priority.CHANGE, id="created"),
        pytest.param("MODIFIED", True, Priority.CHANGE, id="changed"),
        pytest.param("DELETED", True, Priority.URGENT, id="deleted"),
        pytest.param(None, False, Priority.RESYNC, id="listed after a start"),
        pytest.param(None, True, Priority.CHANGE, id="changed while the watch was lost"),
    ],
)
def test_a_list_after_a_start_waits_for_changes(
    type_: str | None, is_known: bool, priority: Priority
) -> None:
    """All workloads come in it; in a later list those that changed unseen are new."""
    store, body = WorkloadStore(), make_body("weather")
    if is_known:
        store.put(body)

    assert _priority({"type": type_, "object": body}, store) == priority
