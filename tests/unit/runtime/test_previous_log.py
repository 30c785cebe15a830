"""Which log is the previous one: that of the instance that ended last, whatever runs since."""

from typing import Any, cast

import pytest

from mcpworkload.runtime import WorkloadNotRunning
from mcpworkload.runtime.connection import RuntimeConnection
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.logs import LogOptions, read_logs

ENDED = {"containerID": "c1", "exitCode": 3}
DEAD = {"state": {"terminated": ENDED}}
AGAIN = {"state": {"running": {}}, "containerID": "c2", "lastState": {"terminated": ENDED}}
WAITS = {"state": {"waiting": {}}, "lastState": {"terminated": ENDED}}
FIRST = {"state": {"running": {}}, "containerID": "c1"}


def make_pod(status: dict[str, Any]) -> dict[str, Any]:
    """The pod of one replica, whose server's container stands so."""
    return {
        "metadata": {"name": "w-0", "uid": "u"},
        "spec": {"containers": [{"name": "mcp"}]},
        "status": {"containerStatuses": [{"name": "mcp", **status}]},
    }


class Kubelet:
    """Shows the pod in one state after the other, and the log that is asked for."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = [make_pod(state) for state in states]

    async def request(self, method: str, path: str, **_: Any) -> Any:
        """The workload, its pods, or its pod."""
        assert method == "GET"
        if path.endswith("/w"):
            return {"metadata": {"name": "w"}, "spec": {}}
        found = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"items": [found]} if path.endswith("/pods") else found

    async def read_text(self, _path: str, query: dict[str, str], _key: str) -> str:
        """As the kubelet answers at this moment."""
        state = self.states[0]["status"]["containerStatuses"][0]
        is_running = "terminated" not in state["state"]
        if "previous" in query:
            assert "lastState" in state, "it has not been restarted"
            return "of the dead"
        return "of the living" if is_running else "of the dead"


@pytest.mark.parametrize(
    "states",
    [
        pytest.param([DEAD], id="just ended"),
        pytest.param([WAITS], id="waits to be restarted"),
        pytest.param([AGAIN], id="runs again"),
        pytest.param([DEAD, AGAIN], id="restarted while it was looked for"),
        pytest.param([DEAD, DEAD, AGAIN], id="restarted after it was read"),
    ],
)
async def test_the_log_of_the_one_that_ended_last(states: list[dict[str, Any]]) -> None:
    """At once when its end is told, and also when the kubelet is faster."""
    workload = WorkloadHandle(cast("RuntimeConnection", Kubelet(*states)), "team", "w")
    assert await read_logs(workload, LogOptions(previous=True)) == "of the dead"


async def test_before_the_first_end_there_is_none() -> None:
    """That is no empty log."""
    workload = WorkloadHandle(cast("RuntimeConnection", Kubelet(FIRST)), "team", "w")
    with pytest.raises(WorkloadNotRunning, match="has not ended yet") as caught:
        await read_logs(workload, LogOptions(previous=True))
    assert caught.value.reason == "NoPrevious"
