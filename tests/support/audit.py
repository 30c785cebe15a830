"""
The requests of the operator, and of others, as the API server recorded them.

Counted from outside, because a counter of our own would share our mistakes.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPERATOR = "system:serviceaccount:mcpworkload-system:mcpworkload-operator"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
# The leader's heartbeat, and what is said to people: neither changes a workload.
APART = frozenset({"leases", "events"})


@dataclass(frozen=True)
class Write:
    """One request, successful or not; mostly one that changes something."""

    verb: str
    resource: str
    namespace: str
    name: str
    #: The HTTP status of the answer; 504 also where the operator did not wait for it.
    code: int

    def __str__(self) -> str:
        """The form in which counts are compared: ``patch mcpworkloads/status``."""
        return f"{self.verb} {self.resource}"


@dataclass(frozen=True)
class AuditLog:
    """The audit log from one position on."""

    path: Path
    position: int = 0

    def from_now(self) -> "AuditLog":
        """The same log, without what it holds already."""
        return AuditLog(self.path, self.path.stat().st_size)

    def writes(self, namespace: str = "", apart: frozenset[str] = APART) -> list[Write]:
        """The operator's writes except to *apart*, in *namespace* alone where one is given."""
        return [
            write
            for write in self._writes()
            if write.resource not in apart and namespace in ("", write.namespace)
        ]

    def count(self, namespace: str = "") -> Counter[str]:
        """How often the operator made each kind of write."""
        return Counter(str(write) for write in self.writes(namespace))

    def requests(self, user: str) -> Counter[str]:
        """
        How often *user* made each kind of request, a watch being one that was begun.

        The policy records ServiceAccounts of the operator's and the example's namespace only.
        """
        return Counter(
            str(_write(entry))
            for entry in self._entries(user)
            if (entry["stage"] == "ResponseStarted") == (entry["verb"] == "watch")
        )

    def refusals(self, user: str) -> list[Write]:
        """What *user* asked for without being allowed to."""
        requests = (_write(entry) for entry in self._entries(user))
        return [request for request in requests if request.code in (401, 403)]

    def _writes(self) -> Iterator[Write]:
        for entry in self._entries(OPERATOR):
            if entry["verb"] in WRITES and entry["stage"] == "ResponseComplete":
                yield _write(entry)

    def _entries(self, user: str) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as file:
            file.seek(self.position)
            for line in file:
                # The last line may still be on its way; it then belongs to a later request.
                if not line.endswith(b"\n"):
                    return
                entry: dict[str, Any] = json.loads(line)
                if entry["user"]["username"] == user:
                    yield entry


def _write(entry: dict[str, Any]) -> Write:
    reference = entry.get("objectRef")
    target = reference if isinstance(reference, dict) else {}
    answer = entry.get("responseStatus")
    subresource = f"/{target['subresource']}" if target.get("subresource") else ""
    return Write(
        verb=str(entry["verb"]),
        resource=f"{target.get('resource', '')}{subresource}",
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=answer.get("code", 0) if isinstance(answer, dict) else 0,
    )
