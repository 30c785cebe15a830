"""Verification again and again leaves no session on a server that counts them."""

import asyncio
import os
import time

import pytest

from tests.support.namespace import Namespace
from tests.support.pod_proxy import ask_pod
from tests.support.real_servers import COUNTED, COUNTED_SSE, RealServer

VERIFICATIONS = int(os.environ.get("VERIFICATIONS", "40"))
READY_SECONDS = 90
REPLICAS = 2
END_SECONDS = 10.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(180 + VERIFICATIONS)]


async def sessions_of(namespace: Namespace, server: RealServer) -> tuple[int, int]:
    """How many sessions were begun at all pods of *server*, and how many of them are open."""
    pods = [f"{server.label}-{number}" for number in range(REPLICAS)]
    told = [await ask_pod(namespace, pod, "/sessions") for pod in pods]
    return sum(each["begun"] for each in told), sum(each["open"] for each in told)


@pytest.mark.parametrize("server", [COUNTED, COUNTED_SSE], ids=lambda server: server.label)
async def test_no_session_is_left(namespace: Namespace, server: RealServer) -> None:
    """As many were begun as there were verifications; in the end none is open."""
    await namespace.settle(server.manifest(replicas=REPLICAS), READY_SECONDS)
    first = (await sessions_of(namespace, server))[0]
    for number in range(1, VERIFICATIONS // REPLICAS + 1):
        # Another way to ask is a reason to ask at once.
        verification = {"timeout": ("8s", "9s")[number % 2]}
        await namespace.apply(server.manifest(replicas=REPLICAS, verification=verification))
        deadline = time.monotonic() + END_SECONDS
        while (await sessions_of(namespace, server))[0] < first + number * REPLICAS:
            assert time.monotonic() < deadline, await sessions_of(namespace, server)
            await asyncio.sleep(0.1)

    # The last verification may be under way.
    deadline = time.monotonic() + END_SECONDS
    while (await sessions_of(namespace, server))[1]:
        assert time.monotonic() < deadline, await sessions_of(namespace, server)
        await asyncio.sleep(0.2)
