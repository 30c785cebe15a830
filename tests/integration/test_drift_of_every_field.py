"""
Every field that the operator applies, changed, taken out, or given company by somebody else.

What is wanted comes back, and it is never taken for a fault of the spec.
"""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from mcpworkload.controller.plan.drift import first_difference
from tests.support import specs
from tests.support.api import JSON, RequestFailed
from tests.support.kinds import Manifest, path_of
from tests.support.leaves import Change, changes_of
from tests.support.manifests import make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, is_ready

MANAGER = "mcpworkload"
#: Whether every change is made, which takes five minutes, or one of each sort.
EVERY = os.environ.get("DRIFT_OF_EVERY_FIELD") == "1"
_INDEX = re.compile(r"/\d+(?=/|$)")
# Ten seconds on a machine that does nothing else.
BACK_SECONDS = 60
# After so many repairs of one object the operator slows down.
ROUNDS = 6
SPEC = {
    **specs.EVERY_FIELD,
    "replicas": 0,
    "runtimeClassName": None,
    "priorityClassName": None,
    "service": {"type": "ClusterIP", "sessionAffinity": "ClientIP", "headlessAlias": "ALIAS"},
    "disruptionBudget": {"maxUnavailable": 1},
}
ATTACHED = {"transport": {"type": "stdio"}}
HANDLER = {"exec": {"command": ["true"]}}
FIELD_REF = {"fieldRef": {"fieldPath": "metadata.name"}}
SERVER = "/containers/0"


def replace(path: str, value: object) -> Manifest:
    """An operation on the pods' spec."""
    return {"op": "replace", "path": f"/spec/template/spec{path}", "value": value}


# What cannot be merged with ours: another source, another look, a bound that ours exceeds.
CONFLICTS: dict[str, list[Manifest]] = {
    "another source of a volume": [
        replace("/volumes/0", {"name": "tmp", "configMap": {"name": "mine"}}),
    ],
    "a variable from elsewhere": [
        replace(f"{SERVER}/env/0", {"name": "MCP_TRANSPORT", "valueFrom": FIELD_REF}),
    ],
    "another look": [replace(f"{SERVER}/startupProbe", HANDLER)],
    "another hook": [replace(f"{SERVER}/lifecycle/preStop", HANDLER)],
    "another profile": [
        replace("/securityContext/seccompProfile", {"type": "Localhost", "localhostProfile": "x"})
    ],
    "a request above our limit": [
        replace(f"{SERVER}/resources/limits/memory", "8Gi"),
        replace(f"{SERVER}/resources/requests/memory", "4Gi"),
    ],
    "a bound of a kind that we set none of": [
        replace(f"{SERVER}/resources/limits", {"memory": "4Gi", "hugepages-2Mi": "4Mi"}),
    ],
}
PLAIN = {"transport": {"type": "streamable-http"}}


@dataclass(frozen=True)
class Hand:
    """One change of one child, whichever of the alike workloads has it."""

    kind: str
    #: The child's name after the workload's.
    suffix: str
    words: str
    patch: list[Manifest]

    def path(self, namespace: str, workload: str) -> str:
        """Where the child of that workload is."""
        return path_of(self.kind, namespace, workload + self.suffix)


KINDS = ("PodDisruptionBudget", "Role", "RoleBinding", "Service", "ServiceAccount", "StatefulSet")
#: What is to come back of an object: all but its status and what the API server counts.
METADATA = ("annotations", "labels", "ownerReferences")


def wanted_of(child: Manifest) -> Manifest:
    """The part of a child that can be compared before and after."""
    content = {key: value for key, value in child.items() if key not in ("metadata", "status")}
    if content.get("spec", {}).get("clusterIP", "None") != "None":
        # Chosen by the API server, and another one where the Service had to be made anew.
        chosen = ("clusterIP", "clusterIPs")
        spec = {key: value for key, value in content["spec"].items() if key not in chosen}
        content = {**content, "spec": spec}
    return {"metadata": {key: child["metadata"].get(key) for key in METADATA}, **content}


def make(name: str, spec: Manifest) -> Manifest:
    """A workload of that spec, with an alias of its own where it has one."""
    service = spec.get("service", {})
    if "headlessAlias" in service:
        spec = {**spec, "service": {**service, "headlessAlias": f"{name}-alias"}}
    return make_workload(name, **spec)


async def read_children(
    namespace: Namespace, names: Sequence[str]
) -> dict[tuple[str, str], Manifest]:
    """The children of those workloads, by kind and name."""
    found = await asyncio.gather(*(namespace.read_all(kind) for kind in KINDS))
    return {
        (kind, child["metadata"]["name"]): child
        for kind, children in zip(KINDS, found, strict=True)
        for child in children
        if any(child["metadata"]["name"].startswith(name) for name in names)
    }


async def find_hands(
    namespace: Namespace, name: str, patches: dict[str, list[Manifest]]
) -> list[Hand]:
    """What the API server would let somebody do to the children of the workload *name*."""
    gate = asyncio.Semaphore(8)

    async def find(kind: str, child: str, change: Change) -> Hand | None:
        path = path_of(kind, namespace.name, child)
        async with gate:
            for patch in change.spellings:
                with contextlib.suppress(RequestFailed):
                    await namespace.api.request("PATCH", path, patch, JSON, {"dryRun": "All"})
                    return Hand(kind, child.removeprefix(name), change.words, patch)
        return None

    children = await read_children(namespace, [name])
    wanted = [
        find(kind, child, change)
        for (kind, child), live in children.items()
        for change in changes_of(live, MANAGER)
    ]
    wanted += [
        find("StatefulSet", name, Change(words, (patch,))) for words, patch in patches.items()
    ]
    return [hand for hand in await asyncio.gather(*wanted) if hand is not None]


def one_of_each(hands: list[Hand]) -> list[Hand]:
    """One of those that differ only in which entry of a list or which Service they are about."""
    return list({(hand.kind, _INDEX.sub("/*", hand.words)): hand for hand in hands}.values())


def spread(hands: list[Hand]) -> list[list[list[Hand]]]:
    """Rounds for each of as many workloads as are needed; in one, a child is changed once."""
    by_child: dict[tuple[str, str], list[Hand]] = {}
    for hand in hands:
        by_child.setdefault((hand.kind, hand.suffix), []).append(hand)
    count = max(-(-len(each) // ROUNDS) for each in by_child.values())
    shares: list[list[list[Hand]]] = [[[] for _ in range(ROUNDS)] for _ in range(count)]
    for each in by_child.values():
        for number, hand in enumerate(each):
            shares[number % count][number // count].append(hand)
    return shares


async def until_back(
    namespace: Namespace,
    names: Sequence[str],
    before: dict[tuple[str, str], Manifest],
    hands: list[str],
) -> None:
    """Return when every child is again what it was, as far as that was ours."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        now = await read_children(namespace, names)
        lacking = {
            f"{kind} {name}": difference
            for (kind, name), child in before.items()
            if (
                difference := first_difference(
                    wanted_of(child), wanted_of(now.get((kind, name), {"metadata": {}}))
                )
            )
        }
        if not lacking:
            return
        assert time.monotonic() < deadline, f"{lacking} after {hands}"
        await asyncio.sleep(0.3)


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("spec", "patches", "least"),
    [
        pytest.param(
            *(SPEC, {}, 150),
            id="every field",
            marks=pytest.mark.skipif(not EVERY, reason="DRIFT_OF_EVERY_FIELD=1 takes minutes"),
        ),
        pytest.param(ATTACHED, {}, 60, id="an account"),
        pytest.param(PLAIN, CONFLICTS, 60, id="what cannot be merged"),
    ],
)
async def test_what_we_set_comes_back_and_is_no_fault_of_the_spec(
    namespace: Namespace, spec: Manifest, patches: dict[str, list[Manifest]], least: int
) -> None:
    """One change of each child at a time, of many workloads side by side."""
    await namespace.settle(make("probe", spec))
    hands = await find_hands(namespace, "probe", patches)
    assert len(hands) >= least
    assert {hand.words for hand in hands} >= patches.keys()
    hands = hands if EVERY else one_of_each(hands)
    shares = spread(hands)
    names = [f"w{number:02}" for number in range(len(shares))]
    await asyncio.gather(*(namespace.apply(make(name, spec)) for name in names))
    await namespace.until_all("MCPWorkload", names, is_ready(), BACK_SECONDS)
    before = await read_children(namespace, names)

    for number in range(ROUNDS):
        done = [
            (name, hand)
            for name, share in zip(names, shares, strict=True)
            for hand in share[number]
        ]
        await asyncio.gather(*(change(namespace, name, hand) for name, hand in done))
        await until_back(
            namespace,
            names,
            before,
            [f"{name}: {hand.kind}{hand.suffix} {hand.words}" for name, hand in done],
        )

    workloads = await namespace.until_all("MCPWorkload", names, is_ready(), BACK_SECONDS)
    assert [
        each for each in workloads if condition_of(each, "Stalled").get("status") == "True"
    ] == []
    events = [event["reason"] for event in await namespace.read_all("CoreEvent")]
    assert "Rejected" not in events
    assert events.count("DriftReverted") > len(hands) / 4


async def change(namespace: Namespace, name: str, hand: Hand) -> None:
    """Do what was tried; a version in between is no reason not to."""
    try:
        await namespace.api.request(
            "PATCH",
            hand.path(namespace.name, name),
            hand.patch,
            JSON,
            {"fieldManager": "somebody-else"},
        )
    except RequestFailed as failure:
        raise AssertionError(f"{name}: {hand.words}: {failure}") from failure
