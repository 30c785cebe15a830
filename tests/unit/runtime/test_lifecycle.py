"""What is said of a workload that does not become Ready."""

import pytest

from mcpworkload.runtime import WorkloadNotReady
from mcpworkload.runtime.lifecycle import Workload
from tests.unit.runtime.fake_api import FakeApi, make_item


async def test_a_server_s_words_are_not_even_read_where_they_are_to_be_kept() -> None:
    """reportLogTail: false; errors end up in logs."""
    crashing = {"type": "Ready", "status": "False", "reason": "CrashLooping", "message": "it ends"}
    item = make_item(10, spec={"reportLogTail": False})
    item["status"] = {"observedGeneration": 1, "conditions": [crashing]}
    api = FakeApi([[item]], [[]])
    async with api.open() as connection:
        with pytest.raises(WorkloadNotReady, match="CrashLooping") as caught:
            await Workload(connection, "team", "weather").until_ready(1, 0.5)

    assert caught.value.log_tail == ""
    assert api.requests == ["LIST", "WATCH 10"]
