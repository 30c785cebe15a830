"""
Pure: from the statuses of MCPWorkloads to the events about what their servers are, each once.

A status says how it is, not what happened. So an event is the difference between two of them, and
what a status does not know (the server is stopped, starts, cannot be reached) is no difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcpworkload.api.reasons import ConditionType
from mcpworkload.runtime.events import (
    ToolsChanged,
    WorkloadEvent,
    WorkloadUnverified,
    WorkloadVerified,
)

_DECIDED = {"True": True, "False": False}
_TOOLS = "tools"


@dataclass(frozen=True)
class Tools:
    """A list of tools; that of a server that offers none has no digest."""

    digest: str
    count: int


@dataclass(frozen=True)
class Known:
    """What the statuses of one MCPWorkload have said last; None where none has said it."""

    uid: str
    version: int
    is_verified: bool | None
    tools: Tools | None


class VerifiedLedger:
    """What is known of each workload, and what is news."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def take(self, key: str, body: Mapping[str, Any]) -> list[WorkloadEvent]:
        """Take in *body*, the MCPWorkload of that id; return what is news in it."""
        metadata = body["metadata"]
        uid, version = metadata.get("uid", ""), int(metadata.get("resourceVersion") or 0)
        before = self._known.get(key)
        if before is not None and version < before.version:
            # Of an API server that lags behind: its news were told already.
            return []
        if before is None or before.uid != uid:
            # Another one of the same name owes nothing to the first.
            before = Known(uid, version, None, None)
        condition, tools = _verified_of(body), _tools_of(body)
        decided = _DECIDED.get(condition.get("status", ""))
        self._known[key] = Known(
            uid,
            version,
            before.is_verified if decided is None else decided,
            before.tools if tools is None else tools,
        )
        return list(_news(key, before, self._known[key], condition))

    def forget(self, key: str) -> None:
        """Forget the workload of that id, which is deleted."""
        self._known.pop(key, None)


def _news(
    key: str, before: Known, after: Known, condition: Mapping[str, Any]
) -> Iterator[WorkloadEvent]:
    """Yield the change of the tools first: it may be the cause of the other."""
    old, new = before.tools, after.tools
    if old is not None and new is not None and old.digest != new.digest:
        yield ToolsChanged(key, old.digest, new.digest, old.count, new.count)
    if after.is_verified == before.is_verified:
        return
    if after.is_verified:
        yield WorkloadVerified(key)
    else:
        yield WorkloadUnverified(key, condition.get("reason", ""), condition.get("message", ""))


def _verified_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the condition Verified; empty where there is none."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    of_type = (each for each in conditions if each["type"] == ConditionType.VERIFIED)
    return next(of_type, {})


def _tools_of(body: Mapping[str, Any]) -> Tools | None:
    """Return the tools that the server offers; None where the status does not know them all."""
    server = (body.get("status") or {}).get("server")
    if not server:
        return None
    tools = server.get("tools")
    if tools is None:
        # A server that names the capability, and no list, did not let the operator ask.
        return None if _TOOLS in (server.get("capabilities") or ()) else Tools("", 0)
    return Tools(tools["digest"], tools["count"]) if tools.get("digest") else None
