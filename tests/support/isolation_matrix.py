"""
The matrix of isolation: profiles, targets, what each server should reach, and the page of it.

What is expected is written down here for each profile; no rule of the operator is used for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.local.settings import API_SERVICE_ADDRESS
from tests.support.attempts import Attempt
from tests.support.outside import ALLOWED, INNER, LISTED, METADATA, PORTS, ZONE, Outside

PAGE = Path(__file__).parents[2] / "docs" / "isolation-matrix.md"
API_NAME = "kubernetes.default.svc.cluster.local"
WEB_PORT = 8080
OPEN = "not isolated"
CLIENTS = {"uses the proxy": True, "ignores the proxy": False}
PROTOCOLS = ("http", "https", "tcp", "udp")


@dataclass(frozen=True)
class Target:
    """What a server tries to reach."""

    host: str
    #: Of each protocol that it speaks, the port.
    ports: Mapping[str, int]
    #: What it answers with; any answer will do where it is empty.
    answer: str = ""


def make_targets(outside: Outside, neighbour: str) -> dict[str, Target]:
    """Everything that servers try to reach; *neighbour* is a server's pod beside them."""
    return {
        "allowed host, the apex": Target(LISTED, PORTS, "allowed"),
        "subdomain": Target(f"sub.{LISTED}", PORTS, "below"),
        "subdomain of it": Target(f"deep.sub.{LISTED}", PORTS, "below"),
        "other host": Target(f"other.{ZONE}", PORTS, "other"),
        "look-alike in front": Target(f"notallowed.{ZONE}", PORTS, "look-alike"),
        "look-alike behind": Target(f"{LISTED}.look-alike.test", PORTS, "look-alike"),
        "public address": Target(ALLOWED, PORTS, "allowed"),
        "listed name of a private address": Target(f"private.{ZONE}", PORTS, INNER),
        "subdomain of a private address": Target(f"private.{LISTED}", PORTS, INNER),
        "listed name of a metadata address": Target(f"metadata.{ZONE}", PORTS, "metadata"),
        "metadata address": Target(METADATA, PORTS, "metadata"),
        "Service": Target(outside.service_address, PORTS, INNER),
        "pod in another namespace": Target(outside.pod_address, PORTS, INNER),
        "server in the namespace": Target(neighbour, {"http": WEB_PORT}, "server"),
        "API server": Target(API_SERVICE_ADDRESS, {"https": 443}),
        "DNS": Target(API_NAME, {"lookup udp": 53, "lookup tcp": 53}, API_SERVICE_ADDRESS),
    }


EVERY_HOST = (LISTED, f"private.{ZONE}", f"metadata.{ZONE}")
#: Profiles that proxies enforce list names of addresses that no listing opens.
PROFILES: dict[str, dict[str, Any]] = {
    OPEN: {},
    "none": {"permissionProfile": {"builtin": "none"}},
    "network": {"permissionProfile": {"builtin": "network"}},
    "host": {"outbound": {"allowHost": [*EVERY_HOST]}},
    "wildcard": {"outbound": {"allowHost": [f"*.{LISTED}", *EVERY_HOST[1:]]}},
    "port": {"outbound": {"allowPort": [443]}},
    "host and port": {"outbound": {"allowHost": [*EVERY_HOST], "allowPort": [443]}},
    "inbound": {"inbound": {"allowHost": []}},
}

_APEX = ("allowed host, the apex",)
_BELOW = ("subdomain", "subdomain of it")
_NAMES = (*_APEX, *_BELOW, "other host", "look-alike in front", "look-alike behind")
_PUBLIC = (*_NAMES, "public address")
_TCP = ("http", "https", "tcp")
#: By profile: what a client reaches on its own way, and what it reaches through the proxy.
_DIRECT: dict[str, dict[str, tuple[str, ...]]] = {
    "network": {**dict.fromkeys(_PUBLIC, PROTOCOLS), "DNS": ("lookup udp", "lookup tcp")},
}
_THROUGH_PROXY: dict[str, dict[str, tuple[str, ...]]] = {
    "host": dict.fromkeys(_APEX, _TCP),
    "wildcard": dict.fromkeys((*_APEX, *_BELOW), _TCP),
    "port": dict.fromkeys(_PUBLIC, ("https",)),
    "host and port": dict.fromkeys(_APEX, ("https",)),
}


def workload_name(profile: str) -> str:
    """The name of the workload with that profile."""
    return profile.replace(" ", "-")


def make_spec(profile: str, listed_namespace: str) -> dict[str, Any]:
    """The fields of a spec that a profile is; *listed_namespace* may come in where it says who."""
    if profile == OPEN:
        return {}
    fields = PROFILES[profile]
    if "permissionProfile" not in fields:
        network = dict(fields)
        if "inbound" in network:
            network["inbound"] = {"allowHost": [listed_namespace]}
        fields = {"permissionProfile": {"network": network}}
    return {"isolateNetwork": True, **fields}


def make_all(targets: Mapping[str, Target]) -> list[Attempt]:
    """Each target over each of its protocols by each client."""
    return [
        Attempt(name, protocol, target.host, port, is_aware)
        for name, target in targets.items()
        for protocol, port in target.ports.items()
        for is_aware in CLIENTS.values()
    ]


def is_expected(profile: str, attempt: Attempt) -> bool:
    """Whether a server with that profile should succeed."""
    if profile == OPEN:
        return True
    ways = [_DIRECT.get(profile, {})]
    # A proxy carries no datagrams, and no lookups of its clients.
    if attempt.is_aware:
        ways.append(_THROUGH_PROXY.get(profile, {}))
    return any(attempt.protocol in way.get(attempt.target, ()) for way in ways)


def is_reached(targets: Mapping[str, Target], attempt: Attempt, outcome: str) -> bool:
    """
    Whether the target itself answered.

    Raises:
        AssertionError: something else did.
    """
    verb, _, answer = outcome.partition(" ")
    if verb != "reached":
        return False
    expected = targets[attempt.target].answer
    assert expected in ("", answer), f"{attempt}: {answer!r} answered"
    return True


#: By profile, the attempts that succeeded.
Reached = Mapping[str, frozenset[Attempt]]


def write_page(targets: Mapping[str, Target], reached: Reached, inbound: str) -> str:
    """The page; *inbound* is its table of who reaches the servers."""
    tables = (
        f"## A client that {client}\n\n{_build_table(targets, reached, is_aware)}"
        for client, is_aware in CLIENTS.items()
    )
    return "\n".join((_INTRODUCTION, *tables, f"## Who reaches the servers\n\n{inbound}"))


def _build_table(targets: Mapping[str, Target], reached: Reached, is_aware: bool) -> str:
    rows = [
        [name, *(_cell(name, target, reached[profile], is_aware) for profile in PROFILES)]
        for name, target in targets.items()
    ]
    return build_table(["target", *PROFILES], rows)


def _cell(name: str, target: Target, reached: frozenset[Attempt], is_aware: bool) -> str:
    """The protocols that reached the target, of those that it speaks."""
    found = [
        protocol
        for protocol, port in target.ports.items()
        if Attempt(name, protocol, target.host, port, is_aware) in reached
    ]
    if found == list(target.ports):
        return "all"
    return ", ".join(found) or "none"


def build_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_INTRODUCTION = f"""\
# What isolated servers reach

`make isolation-matrix` writes this page. Servers with each kind of profile try to reach each kind
of target on a real cluster, from inside of their pods; the page has what answered. The targets
stand for the outside: they are pods of the test. `tests/e2e/isolation/test_matrix.py` compares each
cell with what the profile should allow, and this page with what was seen.

A cell has the protocols that reached the target: http on port 80, https on 443, other TCP on 9000
and UDP on 9001. "all" are all that the target speaks.

| profile | outbound rules |
|---|---|
| not isolated | none: `isolateNetwork` is false |
| none | `builtin: none` |
| network | `builtin: network` |
| host | `allowHost: [{", ".join(EVERY_HOST)}]` |
| wildcard | `allowHost: ["*.{LISTED}", {", ".join(EVERY_HOST[1:])}]` |
| port | `allowPort: [443]` |
| host and port | the hosts of "host", and `allowPort: [443]` |
| inbound | none; `inbound.allowHost` names one namespace |
"""
