"""Workloads whose servers try to get out all the while, and what came of it."""

import asyncio
import json
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.attempts import PYTHON
from tests.support.cluster import Cluster
from tests.support.kinds import Manifest
from tests.support.manifests import make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import has_condition, is_ready
from tests.support.servers import escapes

GOAL = "goal"
PORT = 8080
SOURCE = Path(escapes.__file__).read_text(encoding="utf-8")
#: What a round says in which no way led out, and the last line of a server that was told to end.
IN, ENDED = "in", "ended"
IS_ENFORCED = has_condition("Isolated", "True", "Enforced") & is_ready()


class Way(NamedTuple):
    """A way out: the word for it, `tcp`, `dns` or `proxy`, and where it leads."""

    word: str
    kind: str
    host: str
    port: int = PORT


def make_escaper(name: str, ways: list[Way], **spec: object) -> Manifest:
    """A workload that tries *ways*; isolated without any rules where *spec* says nothing else."""
    fields: dict[str, object] = {
        "command": [*PYTHON, SOURCE, json.dumps(ways)],
        "isolateNetwork": True,
        # Time for the last attempts, and none for clients that there are not.
        "terminationGracePeriodSeconds": 10,
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
        **spec,
    }
    return make_running_workload(name, **fields)


def allow(*hosts: str) -> Manifest:
    """A profile that allows connections to *hosts* and no others."""
    return {"network": {"outbound": {"allowHost": [*hosts]}}}


async def open_goals(namespace: Namespace, number: int = 1) -> list[str]:
    """The addresses of so many pods that whoever is free reaches."""
    await namespace.settle(make_running_workload(GOAL, replicas=number))
    pods = [await namespace.get("Pod", f"{GOAL}-{each}") for each in range(number)]
    return [pod["status"]["podIP"] for pod in pods]


async def find_dns(namespace: Namespace) -> Way:
    """The way to the cluster's DNS."""
    service = await namespace.api.get("Service", "kube-system", "kube-dns")
    assert service is not None
    return Way("dns", "dns", service["spec"]["clusterIP"], 53)


async def read_tries(cluster: Cluster, namespace: Namespace, pod: str, *how: str) -> list[str]:
    """What each round of a server brought so far; to its end with *how* ``--follow``."""
    where = ("--namespace", namespace.name, pod, "--container=mcp")
    return (await cluster.kubectl("logs", *where, *how)).split()


async def until_tried(
    cluster: Cluster, namespace: Namespace, pod: str, wanted: str, seconds: float = 30.0
) -> None:
    """
    Return once the server's last five rounds brought *wanted*.

    Raises:
        AssertionError: with what they brought instead.
    """
    deadline = time.monotonic() + seconds
    while set(tries := (await read_tries(cluster, namespace, pod))[-5:]) != {wanted}:
        assert time.monotonic() < deadline, f"{pod} tried for {wanted!r}: {tries}"
        await asyncio.sleep(0.2)


class LastWords:
    """Follows what a server prints, past its pod's end."""

    def __init__(self, cluster: Cluster, namespace: Namespace, pod: str) -> None:
        self._task = asyncio.create_task(read_tries(cluster, namespace, pod, "--follow"))

    async def read(self) -> list[str]:
        """
        All rounds, once the server has ended.

        Raises:
            AssertionError: it was killed before it ended by itself.
        """
        tries = await self._task
        assert tries[-1:] == [ENDED], tries[-5:]
        return tries[:-1]
