"""Whether the kubelet ended a container: the pod's Events report that, its status does not."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from mcpworkload.exits import find_cause, may_be_the_kubelets
from mcpworkload.kube.keys import split_key
from mcpworkload.kube.objects import Event, Pod, Terminated
from mcpworkload.kube.paths import core_path
from mcpworkload.kube.redaction import discreet
from mcpworkload.runtime.connection import RuntimeConnection
from mcpworkload.runtime.errors import RightsMissing, WorkloadError
from mcpworkload.runtime.events import WorkloadEvicted, WorkloadExited

_ATTEMPTS = 4
_PAUSE_SECONDS = 1.0


class Explainer:
    """Reads Events where a probe may be why a container ended; without the right, reads none."""

    def __init__(self, connection: RuntimeConnection) -> None:
        self._connection = connection
        self._may_ask = True
        #: By workload, the last end that was the kubelet's doing, as `lastTermination` has it.
        self._told: dict[str, Mapping[str, Any]] = {}

    async def explain(self, exited: WorkloadExited, pod: Pod | None) -> WorkloadExited:
        """Return *exited*, with the kubelet's reason and message if it ended the container."""
        if pod is None or isinstance(exited, WorkloadEvicted) or exited.exit_code is None:
            return exited
        ended = Terminated(
            exited.exit_code,
            reason=exited.reason,
            started_at=exited.started_at,
            finished_at=exited.finished_at,
            container_id=exited.container_id,
        )
        if not may_be_the_kubelets(pod, exited.container, ended):
            return exited
        last = self._told.get(exited.workload)
        cause = None
        for attempt in range(_ATTEMPTS):
            # The kubelet's word may be on its way, as the pod's status was.
            await asyncio.sleep(_PAUSE_SECONDS if attempt else 0)
            events = await self._read_events(exited)
            if events is None:
                return exited
            if cause := find_cause(pod, exited.container, ended, events, last):
                break
        if cause is None:
            self._told.pop(exited.workload, None)
            return exited
        self._told[exited.workload] = {
            "container": exited.container,
            "containerID": exited.container_id,
            "exitCode": exited.exit_code,
            "reason": cause.reason,
            "message": cause.message,
        }
        return replace(exited, reason=cause.reason, message=discreet(cause.message))

    async def _read_events(self, exited: WorkloadExited) -> list[Event] | None:
        """Return the pod's Events; None where they cannot be read, which delays no report."""
        if not self._may_ask:
            return None
        query = {"fieldSelector": f"involvedObject.uid={exited.pod_uid}"}
        path = core_path("events", split_key(exited.workload)[0])
        try:
            answer = await self._connection.request("GET", path, query=query)
        except RightsMissing:
            self._may_ask = False
            return None
        except WorkloadError:
            return None
        return msgspec.convert(answer["items"], list[Event])
