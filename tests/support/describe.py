"""What `kubectl describe mcpw` shows, without what differs from one time to the next."""

import re

_BOUNDS = re.compile(r"^Status:\n  Conditions:\n(?P<conditions>(?:    .*\n)+)", re.MULTILINE)
_EVENTS = re.compile(r"^Events:\n(?P<events>(?:  .*\n?)+)", re.MULTILINE)
_NO_EVENTS = re.compile(r"^Events:\s+<none>$", re.MULTILINE)
# Of an Event: its type, reason, age, who says it, and what.
_COLUMNS = 5
# A status has no use for these here; a reader of the page has none either.
_PASSING = ("Last Transition Time:", "Observed Generation:")


def excerpt(described: str, namespace: str) -> str:
    """
    The conditions and the Events, as they stand in `docs/troubleshooting.md`.

    Without times and generations, in one order, what is said again and again once, and without
    a moment in which a server that ends was ready.
    """
    found, said = _BOUNDS.search(described), _EVENTS.search(described)
    assert found, described
    assert said or _NO_EVENTS.search(described), described
    conditions = [
        line[2:]
        for line in found["conditions"].splitlines()
        if not line.strip().startswith(_PASSING)
    ]
    rows = said["events"].splitlines()[2:] if said else []
    events = [line.split(maxsplit=_COLUMNS - 1) for line in rows]
    told = sorted({(kind, reason, message) for kind, reason, _, _, message in events})
    lines = [
        f"  {kind:7}  {reason:15}  {message}" for kind, reason, message in told if reason != "Ready"
    ]
    text = "\n".join(("Conditions:", *conditions, "Events:", *lines))
    return text.replace(namespace, "<namespace>")
