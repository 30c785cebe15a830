"""
The log of an egress proxy: one JSON object a line for each request that was denied. Pure.

The format is set by `controller/desired/squid.py`. Requests that pass are not logged: where a
server connects to is its users' affair, and a line for each would cost more than it tells.
"""

import json
from dataclasses import dataclass
from urllib.parse import unquote

#: What the log calls a reason, and what it means.
REASONS = {
    "host": "not in network.outbound.allowHost",
    "port": "its port is not in network.outbound.allowPort",
    "private": "it has a private address and is not in network.outbound.allowPrivateHost",
    "link-local": "it has a link-local address, which no profile can allow",
    "unresolved": "its name does not resolve",
    "scheme": "neither an http:// request nor a CONNECT tunnel",
}
_FIELDS = ("time", "client", "method", "host", "port", "status", "why")


@dataclass(frozen=True)
class Denial:
    """One request that the proxy denied."""

    #: In UTC, as in `2026-11-26T19:02:11Z`.
    time: str
    #: The address of the pod that asked.
    client: str
    method: str
    host: str
    #: 0 where the request names none.
    port: int
    #: The status of the answer; 0 where the client left before it.
    status: int
    #: A key of REASONS, or one that a newer operator has.
    why: str


def parse_denial(line: str) -> Denial | None:
    """Return the denial that a *line* of the proxy's log reports, None if it reports none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    texts = [found.get(field) for field in _FIELDS]
    if not all(isinstance(text, str) for text in texts):
        return None
    time, client, method, host, port, status, why = (unquote(str(text)) for text in texts)
    return Denial(
        time=time,
        client=client,
        method=method,
        host=host,
        port=_number(port),
        status=_number(status),
        why=why,
    )


def describe(denial: Denial) -> str:
    """Return *denial* as one plain line: the time of day, what was asked for, and the reason."""
    clock = denial.time.partition("T")[2].removesuffix("Z") or denial.time
    place = f"{denial.host}:{denial.port}" if denial.port else denial.host
    why = REASONS.get(denial.why, denial.why)
    line = f"{clock} {denial.method} {place} denied: {why}"
    # The method and the host are the client's words.
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _number(text: str) -> int:
    """Return *text* as a number; 0 where squid writes a dash or the text is something else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
