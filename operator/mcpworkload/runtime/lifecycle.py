"""Applying, stopping and starting one workload, and waiting until that is true."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from mcpworkload.api import names
from mcpworkload.kube.keys import object_key
from mcpworkload.kube.objects import Pod
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime.connection import APPLY, MERGE, RuntimeConnection, workloads_path
from mcpworkload.runtime.errors import (
    WaitTimedOut,
    WorkloadError,
    WorkloadNotFound,
    WorkloadNotReady,
)
from mcpworkload.runtime.info import Verdict, is_stopped, transport_port_of, verdict_of
from mcpworkload.runtime.types import Goal, Progress, ProgressCallback
from mcpworkload.runtime.watching import Body, Objects, until

# Its fields are ours to give up again: what a later deployment leaves out goes.
FIELD_MANAGER = "mcpworkload-library"
TAIL_LINES = 20
_TAIL_SECONDS = 5.0
_WRITE = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
_FAILED_POD = frozenset({"CrashLooping", "OOMKilled", "ProbeFailing", "StartFailed"})


class WorkloadHandle:
    """A handle on one workload in the cluster, and on the callback for its progress."""

    def __init__(
        self,
        connection: RuntimeConnection,
        namespace: str,
        name: str,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.connection = connection
        self.namespace = namespace
        self.name = name
        self.key = object_key(namespace, name)
        self._progress = progress
        self._said: Progress | None = None

    @property
    def path(self) -> str:
        """The MCPWorkload's own path."""
        return workloads_path(self.namespace, self.name)

    @property
    def by_label(self) -> dict[str, str]:
        """The query that selects what belongs to the workload."""
        return {"labelSelector": f"{names.WORKLOAD_LABEL}={self.name}"}

    def say(self, reason: str, message: str) -> None:
        """Report to the callback, unless it has that report already."""
        news = Progress(self.key, reason, message)
        if self._progress is not None and news != self._said:
            self._said = news
            self._progress(news)

    async def read(self) -> dict[str, Any]:
        """Return the MCPWorkload as it is now."""
        found: dict[str, Any] = await self.connection.request("GET", self.path, workload=self.key)
        return found

    @property
    def by_egress_label(self) -> dict[str, str]:
        """The query that selects the pods of its egress proxy."""
        return {"labelSelector": f"{names.EGRESS_LABEL}={self.name}"}

    async def pods(self, about: str = "", query: Mapping[str, str] | None = None) -> list[Pod]:
        """
        Return all pods that *query* selects, by default those with the workload's label.

        *about* is the id that errors name.
        """
        path = core_path("pods", self.namespace)
        query = self.by_label if query is None else query
        answer = await self.connection.request("GET", path, query=query, workload=about)
        return msgspec.convert(answer["items"], list[Pod])

    async def pod(self, name: str) -> Pod:
        """Return one pod, as it is now."""
        path = core_path("pods", self.namespace, name)
        return msgspec.convert(await self.connection.request("GET", path, workload=self.key), Pod)

    async def apply(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create or update it; a field that another client holds and that differs is a conflict."""
        return await self._patch(manifest, APPLY)

    async def deploy(self, manifest: Mapping[str, Any], seconds: float | None) -> tuple[str, int]:
        """
        Apply *manifest*, start the workload if it is stopped, and wait until it is Ready.

        Returns:
            Its id and the port of its transport; 0 where nothing listens.

        Raises:
            WorkloadError: as `apply` and `until_ready`.
        """
        applied = await self.apply(manifest)
        if is_stopped(applied):
            applied = await self.set_mode("Running")
        await self.until_ready(applied["metadata"]["generation"], seconds)
        return self.key, transport_port_of(applied["spec"])

    async def merge(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Change some fields of it; it has to exist."""
        return await self._patch(change, MERGE)

    async def _patch(self, body: Mapping[str, Any], content_type: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self.connection.request(
            "PATCH",
            self.path,
            query=_WRITE,
            body=body,
            content_type=content_type,
            workload=self.key,
        )
        return answer

    async def set_mode(self, mode: str) -> dict[str, Any]:
        """Ask for Running or Stopped; return the MCPWorkload."""
        return await self.merge({"spec": {"operatingMode": mode}})

    async def restart(self) -> Body:
        """Ask for new pods; return the MCPWorkload."""
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return await self.merge({"spec": {"restartedAt": now}})

    async def until(self, holds: Callable[[Objects[Body]], bool]) -> Objects[Body]:
        """Follow the MCPWorkload until *holds* returns True."""
        query = {"fieldSelector": f"metadata.name={self.name}"}
        return await until(self.connection, workloads_path(self.namespace), query, holds, Body)

    async def until_ready(self, generation: int, seconds: float | None) -> dict[str, Any]:
        """
        Return the MCPWorkload once Ready is True for *generation* or a later one.

        Raises:
            WorkloadNotReady: it never can be, or was not within *seconds*.
            WorkloadNotFound: it was deleted meanwhile.
        """
        last: dict[str, Any] = {}

        def is_ready(objects: Objects[Body]) -> bool:
            workload = self._present(objects)
            last.update(workload)
            verdict = verdict_of(workload)
            self.say(verdict.reason or "Pending", verdict.message)
            return verdict.is_stalled or (
                verdict.is_ready and workload["metadata"]["generation"] >= generation
            )

        try:
            async with asyncio.timeout(seconds):
                await self.until(is_ready)
        except TimeoutError:
            if not last:
                raise self.timed_out("read it", seconds) from None
        verdict = verdict_of(last)
        if verdict.is_ready:
            return last
        may_quote = last["spec"].get("reportLogTail") is not False
        raise await self._not_ready(verdict, seconds, may_quote=may_quote)

    async def until_goal(self, goal: Goal, seconds: float | None) -> None:
        """
        Return once the workload is stopped, where that is the *goal*.

        Raises:
            WorkloadNotFound: it is gone.
            WaitTimedOut: neither was so within *seconds*.
        """

        def holds(objects: Objects[Body]) -> bool:
            workload = objects.get(self.name)
            if workload is None:
                raise WorkloadNotFound("it is gone", workload=self.key)
            verdict = verdict_of(workload)
            self.say(verdict.reason, verdict.message)
            return goal == "stopped" and is_stopped(workload) and verdict.is_ready

        try:
            async with asyncio.timeout(seconds):
                await self.until(holds)
        except TimeoutError:
            raise self.timed_out(f"see it {goal}", seconds) from None

    def _present(self, objects: Objects[Body]) -> dict[str, Any]:
        if self.name not in objects:
            raise WorkloadNotFound(
                "it was deleted while it was waited for", workload=self.key, reason="NotFound"
            )
        return objects[self.name]

    def timed_out(
        self, what: str, seconds: float | None, standing: str = "it goes on in the cluster"
    ) -> WaitTimedOut:
        """Return the error for a wait that was not over in time; *standing* is its outcome."""
        return WaitTimedOut(
            f"waited {seconds:g} s to {what}",
            workload=self.key,
            reason="TimedOut",
            advice=f"{standing}; wait longer with timeout=",
        )

    async def _not_ready(
        self, verdict: Verdict, seconds: float | None, *, may_quote: bool
    ) -> WorkloadNotReady:
        when = "" if verdict.is_stalled or seconds is None else f"not Ready after {seconds:g} s: "
        reason = verdict.reason or "NotObserved"
        return WorkloadNotReady(
            f"{when}{reason}: {verdict.message}",
            workload=self.key,
            reason=reason,
            advice=_advice(verdict),
            is_final=verdict.is_stalled,
            log_tail=await self._log_tail() if may_quote and reason in _FAILED_POD else "",
        )

    async def _log_tail(self) -> str:
        """Return the last lines of the container that fails; empty if they cannot be read."""
        with contextlib.suppress(WorkloadError, TimeoutError):
            async with asyncio.timeout(_TAIL_SECONDS):
                return await self._read_tail()
        return ""

    async def _read_tail(self) -> str:
        for pod in await self.pods():
            for status in pod.status.container_statuses:
                if status.ready:
                    continue
                query = {"container": status.name, "tailLines": str(TAIL_LINES)}
                if status.restart_count and status.state.terminated is None:
                    # The one that failed came before the one that runs, or waits to run, now.
                    query["previous"] = "true"
                path = core_path("pods", self.namespace, pod.metadata.name, "log")
                if text := await self.connection.read_text(path, query):
                    return text.rstrip("\n")
        return ""


def _advice(verdict: Verdict) -> str:
    if verdict.is_stalled:
        return "waiting cannot help: deploy it anew with other arguments"
    if not verdict.reason:
        return "check that the operator runs, and that it serves this namespace"
    return f"docs/troubleshooting.md has the remedy for {verdict.reason}"
