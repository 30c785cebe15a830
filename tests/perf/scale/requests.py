"""The requests of one user in one span of time, as the API server's audit log has them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from tests.perf.scale.contender import ChildOf

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class _User(msgspec.Struct):
    username: str = ""


class _Target(msgspec.Struct):
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class _Answer(msgspec.Struct):
    code: int = 0


class _Entry(msgspec.Struct, rename="camel"):
    stage: str
    verb: str
    user: _User
    request_received_timestamp: datetime
    stage_timestamp: datetime
    object_ref: _Target = msgspec.field(default_factory=_Target)
    response_status: _Answer = msgspec.field(default_factory=_Answer)


_decode = msgspec.json.Decoder(_Entry).decode


@dataclass(frozen=True)
class Request:
    """One request; times are seconds since the epoch."""

    user: str
    verb: str
    #: With the subresource: `mcpworkloads/status`.
    resource: str
    name: str
    code: int
    received: float
    answered: float

    @property
    def is_write(self) -> bool:
        """Whether it may have changed something, the Lease of the leader apart."""
        return self.verb in WRITES and self.resource != "leases"

    def __str__(self) -> str:
        """The form in which requests are counted."""
        return f"{self.verb} {self.resource} {self.code}"


def read_requests(path: Path, position: int) -> list[Request]:
    """Return what *path* has from *position* on, a watch being counted when it begins."""
    return list(_read(path, position))


def _read(path: Path, position: int) -> Iterator[Request]:
    with path.open("rb") as file:
        file.seek(position)
        for line in file:
            # The last line may still be on its way.
            if not line.endswith(b"\n"):
                return
            entry = _decode(line)
            if (entry.stage == "ResponseStarted") == (entry.verb == "watch"):
                target = entry.object_ref
                subresource = f"/{target.subresource}" if target.subresource else ""
                yield Request(
                    entry.user.username,
                    entry.verb,
                    target.resource + subresource,
                    target.name,
                    entry.response_status.code,
                    entry.request_received_timestamp.timestamp(),
                    entry.stage_timestamp.timestamp(),
                )


def of(requests: Sequence[Request], user: str, until: float = float("inf")) -> list[Request]:
    """Return the requests of *user* that were received by then, the Lease's apart."""
    return [
        one
        for one in requests
        if one.user == user and one.received <= until and one.resource != "leases"
    ]


def count(requests: Sequence[Request]) -> dict[str, int]:
    """Return the number of requests by verb, resource and code, the most frequent first."""
    return dict(Counter(str(one) for one in requests).most_common())


def count_first_status(requests: Sequence[Request], resource: str) -> int:
    """
    Return the number of requests without the later status writes of each workload.

    In a burst the first workloads are Ready, which is a status of its own, while the last ones
    are not created yet.
    """
    names = [one.name for one in requests if one.resource == f"{resource}/status"]
    return len(requests) - (len(names) - len(set(names)))


def status_lags(
    requests: Sequence[Request], resource: str, children: Mapping[str, ChildOf]
) -> list[float]:
    """Return for each workload the seconds from its last child's write to its first status's."""
    written: dict[str, float] = {}
    lags: dict[str, float] = {}
    for one in sorted(requests, key=lambda request: request.answered):
        if one.code >= 300 or not one.is_write:
            continue
        if one.resource in children:
            name = children[one.resource].workload_of(one.name)
            if name not in lags:
                written[name] = one.answered
        elif one.resource == f"{resource}/status" and one.name in written:
            lags.setdefault(one.name, one.answered - written[one.name])
    return sorted(lags.values())


def reactions(
    requests: Sequence[Request],
    changer: str,
    user: str,
    resource: str,
    children: Mapping[str, ChildOf],
) -> list[float]:
    """
    Return the seconds from each stored change of a spec to the first write of a child after it.

    A change that no write followed before the next change of the same workload is left out.
    """
    changed: dict[str, float] = {}
    found: list[float] = []
    for one in sorted(requests, key=lambda request: request.received):
        if one.user == changer and one.resource == resource and one.is_write and one.code < 300:
            changed[one.name] = one.answered
        elif one.user == user and one.resource in children:
            name = children[one.resource].workload_of(one.name)
            if name in changed:
                found.append(max(0.0, one.received - changed.pop(name)))
    return sorted(found)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which that share of the sorted *values* lies; None without any."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else None
