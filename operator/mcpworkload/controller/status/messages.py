"""
Texts of the cluster, without what changes while the problem stays the same, and without values.

A message that differs at each attempt would be a write and an Event of its own every time.
"""

import re

from mcpworkload.kube.redaction import discreet

# In the order in which they are applied: a pattern, and what replaces it.
_PASSING = (
    # The connection's own end has another port at each attempt.
    (re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]):\d+->"), ""),
    # A pod's address, or one of the many of a registry; the port stays.
    (re.compile(r"(?:\b\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]*:[0-9a-f:]*\])(?=:\d)"), "<address>"),
    # IDs of sandboxes and containers; an image's digest stays, since it identifies the image.
    (re.compile(r"(?<!sha256:)\b[0-9a-f]{32,64}\b"), "<id>"),
    (re.compile(r"^\(combined from similar events\): "), ""),
    (re.compile(r"^back-off [0-9hms]+ "), "back-off "),
    # Other workloads use the same quota.
    (re.compile(r", used: .*?(?=, limited: )"), ""),
)
# The kubelet alternates between an error and "Back-off ...: error"; only the error matters.
_BACK_OFF = re.compile(r'^Back-off pulling image ".*?"(?:: (?:\w+: )?)?')
# What follows the first sentence is what the scheduler could not do about it.
_NODES = re.compile(r"^0/\d+ nodes are available: (.*?)(?:\. .*|\.)?$", re.DOTALL)
_COUNT = re.compile(r"^\d+ (?=\D)")
_REFUSED = re.compile(
    r"^\w+ (?:Claim (?P<claim>\S+) )?Pod (?P<pod>\S+) in StatefulSet \S+ failed error: "
    r"(?P<why>.*)$",
    re.DOTALL,
)


def steady(text: str) -> str:
    """
    Return *text* without addresses, identifiers, counts and times that change by themselves.

    Values that the cluster quotes are removed as well.
    """
    text = discreet(text)
    for pattern, instead in _PASSING:
        text = pattern.sub(instead, text)
    return text.strip()


def pull_error(text: str) -> str:
    """Return why an image was not pulled; empty where the kubelet only waits."""
    return steady(_BACK_OFF.sub("", text))


def scheduling_error(text: str) -> str:
    """Return why no node takes the pod, without the numbers of nodes."""
    match = _NODES.match(steady(text))
    if match is None:
        return steady(text)
    reasons = {_COUNT.sub("", part) for part in match[1].split(", ")}
    return f"no node fits: {', '.join(sorted(reasons))}"


def failed_create(text: str) -> tuple[str, str]:
    """Return the pod that could not be created, empty where it is not named, and the reason."""
    match = _REFUSED.match(steady(text))
    if match is None:
        return "", steady(text)
    claim = f"claim {match['claim']}: " if match["claim"] else ""
    return match["pod"], claim + match["why"]
