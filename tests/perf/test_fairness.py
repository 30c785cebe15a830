"""
How soon a spec is applied beside a namespace full of workloads whose admission webhook hangs.

Everything is real but the nodes: the API server, which waits for the webhook as long as it may,
and the operator as a process.
"""

import asyncio
import base64
import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from mcpworkload.controller.settings import Settings
from tests.support.api import Api
from tests.support.certificate import self_signed
from tests.support.control_plane import ControlPlane
from tests.support.kinds import Manifest
from tests.support.manifests import make_workload
from tests.support.measurements import Measurements
from tests.support.process import OperatorProcess
from tests.support.web_server import listening

POISON = int(os.environ.get("FAIRNESS_POISON", "200"))
HEALTHY = 20
CHANGES = 200
PAUSE_SECONDS = 0.3
# The longest that the API server waits for a webhook.
HANG_SECONDS = 30
# No namespace has more than three quarters of the workers.
MOST_AT_A_TIME = Settings().workers * 3 // 4


class Webhook:
    """An admission webhook that never answers."""

    def __init__(self) -> None:
        self.hanging = self.most = self.asked = 0

    async def _hang(self, _: web.Request) -> web.Response:
        self.asked += 1
        self.hanging += 1
        self.most = max(self.most, self.hanging)
        try:
            await asyncio.sleep(2 * HANG_SECONDS)
        finally:
            self.hanging -= 1
        return web.Response(status=500)

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Manifest]:
        """The configuration by which the API server asks it about StatefulSets of "bad"."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self_signed(folder, "localhost"))
        app = web.Application()
        app.router.add_post("/", self._hang)
        async with listening(app, tls, notices=True) as port:
            authority = base64.b64encode((folder / "server.crt").read_bytes()).decode()
            yield {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "hangs"},
                "webhooks": [
                    {
                        "name": "hangs.example.com",
                        "clientConfig": {
                            "url": f"https://localhost:{port}/",
                            "caBundle": authority,
                        },
                        "rules": [
                            {
                                "apiGroups": ["apps"],
                                "apiVersions": ["v1"],
                                "operations": ["CREATE", "UPDATE"],
                                "resources": ["statefulsets"],
                            }
                        ],
                        "namespaceSelector": {
                            "matchLabels": {"kubernetes.io/metadata.name": "bad"}
                        },
                        "admissionReviewVersions": ["v1"],
                        "sideEffects": "None",
                        "timeoutSeconds": HANG_SECONDS,
                    }
                ],
            }


class Users:
    """Users who change the specs of healthy workloads."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._seen: dict[str, tuple[str, float]] = {}

    async def watch(self) -> None:
        """Note when each StatefulSet got its image."""
        async for statefulset in self._api.watch("StatefulSet", "well"):
            image = statefulset["spec"]["template"]["spec"]["containers"][0]["image"]
            name = statefulset["metadata"]["name"]
            if self._seen.get(name, ("", 0.0))[0] != image:
                self._seen[name] = (image, time.monotonic())

    async def change(self, word: str) -> list[float]:
        """In how many seconds each of so many changes was applied, in ascending order."""
        waits = []
        for number in range(CHANGES):
            name, image = f"w{number % HEALTHY}", f"localhost/small:{word}-{number}"
            begin = time.monotonic()
            await self._api.patch("MCPWorkload", "well", name, {"spec": {"image": image}})
            async with asyncio.timeout(60):
                while self._seen.get(name, ("", 0.0))[0] != image:
                    await asyncio.sleep(0.002)
            waits.append(self._seen[name][1] - begin)
            await asyncio.sleep(PAUSE_SECONDS)
        return sorted(waits)


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of this test's own."""
    with ControlPlane(nodes=1) as plane:
        yield plane


@pytest.fixture
def operator(plane: ControlPlane) -> Iterator[OperatorProcess]:
    """The operator under its own rights."""
    operator = plane.operator()
    operator.start_leading()
    yield operator
    operator.stop()


async def create(api: Api, namespace: str, count: int) -> None:
    """Create workloads without pods in a new namespace."""
    metadata = {"name": namespace}
    await api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    for number in range(count):
        workload = make_workload(f"w{number}")
        workload["metadata"]["namespace"] = namespace
        await api.create(workload)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("operator")
async def test_a_namespace_whose_webhook_hangs_delays_no_other(
    plane: ControlPlane, tmp_path: Path, measurements: Measurements
) -> None:
    """Not while nobody knows yet that it hangs, and not while it is tried again and again."""
    webhook = Webhook()
    async with Api.open(str(plane.kubeconfig)) as api, webhook.open(tmp_path) as configuration:
        await create(api, "well", HEALTHY)
        users = Users(api)
        watching = asyncio.create_task(users.watch())
        alone = await users.change("alone")
        plane.apply([configuration])
        # The API server learns of webhooks by a watch.
        await asyncio.sleep(2)
        poisoning = asyncio.create_task(create(api, "bad", POISON))
        beside = await users.change("beside")
        await poisoning
        watching.cancel()

    measurements.note(
        f"fairness: a spec is applied after {alone[CHANGES // 2] * 1000:.0f} ms (p50), "
        f"{alone[-CHANGES // 100] * 1000:.0f} ms (p99); beside {POISON} workloads whose webhook "
        f"hangs {beside[CHANGES // 2] * 1000:.0f} and {beside[-CHANGES // 100] * 1000:.0f} ms, "
        f"{beside[CHANGES // 2] / alone[CHANGES // 2]:.2f} and "
        f"{beside[-CHANGES // 100] / alone[-CHANGES // 100]:.2f} x; "
        f"the webhook was asked {webhook.asked} times, {webhook.most} at a time"
    )
    # Tried by as many as may be, and again once they failed.
    assert MOST_AT_A_TIME // 2 < webhook.most <= MOST_AT_A_TIME < webhook.asked
    assert beside[CHANGES // 2] < 2 * alone[CHANGES // 2]
    assert beside[-1] < 2
