"""One operator with a namespace of its own, behind a fault proxy, and what its author wants."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.faults.invariants import Snapshot, find_violations
from tests.faults.model import Wanted
from tests.support.api import Api, RequestFailed
from tests.support.audit import AuditLog, Write
from tests.support.control_plane import OPERATOR_ENVIRONMENT, ControlPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.process import ACCOUNT, NAMESPACE, OperatorProcess

_AT_ONCE = 32
_AGAIN_SECONDS = 0.3
# The first pause of a kubelet before it starts a container again is no longer.
_RESTART_SECONDS = 1.0
_POLL_SECONDS = 0.5
_LOG_LINES = 30
# On a machine that does much else; on one that does not, two seconds.
_START_SECONDS = 120.0


@dataclass
class Site:
    """An operator as a process, which is started again whenever it ends, and its workloads."""

    plane: ControlPlane
    api: Api
    namespace: str
    operator: OperatorProcess
    proxy: FaultProxy
    model: dict[str, Wanted] = field(default_factory=dict)
    #: How often the operator has ended, by itself or because it was killed.
    ends: int = 0
    #: The operator's memory before there was a workload, in MiB.
    idle_memory: float = 0.0
    _containers: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, plane: ControlPlane, word: str, environment: Mapping[str, str] | None = None
    ) -> AsyncIterator["Site"]:
        """An operator that leads and has seen that there is no workload."""
        namespace, own = f"faults-{word}", f"faults-{word}-operator"
        await asyncio.to_thread(plane.apply, _namespaces(namespace, own))
        folder = plane.settings.state / namespace
        folder.mkdir()
        kubeconfig = await asyncio.to_thread(plane.write_kubeconfig, folder / "direct")
        async with (
            Api.open(str(plane.kubeconfig)) as api,
            FaultProxy.open(kubeconfig, seed=1) as proxy,
        ):
            operator = OperatorProcess(
                Path(proxy.kubeconfig),
                folder / "operator.log",
                word,
                {
                    **OPERATOR_ENVIRONMENT,
                    "POD_NAMESPACE": own,
                    "MCPWORKLOAD_NAMESPACES": namespace,
                    **(environment or {}),
                },
            )
            site = cls(plane, api, namespace, operator, proxy)
            async with site._running():
                yield site

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        try:
            self.operator.start()
            await self.until_leading()
            await asyncio.sleep(_RESTART_SECONDS)
            self.idle_memory = self.memory()
            keeping = asyncio.create_task(self._keep_running())
            try:
                yield
            finally:
                keeping.cancel()
                await asyncio.wait([keeping])
        finally:
            self.proxy.rules = ()
            await asyncio.to_thread(self.operator.kill)
            for namespace in (self.namespace, f"{self.namespace}-operator"):
                await self.api.delete("Namespace", "", namespace)

    async def _keep_running(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if not self.operator.is_running:
                self.ends += 1
                await asyncio.sleep(_RESTART_SECONDS)
                # Not in a thread, which would start it though this task is cancelled.
                self.operator.start()

    async def until_leading(self) -> None:
        """Return once the operator leads; not in a thread, which the proxy's look-ups may need."""
        deadline = time.monotonic() + _START_SECONDS
        while not self.operator.is_leading():
            assert time.monotonic() < deadline, f"it does not lead:\n{self.operator.words()}"
            await asyncio.sleep(0.2)

    async def create(self, names: Iterable[str], at_once: int = _AT_ONCE) -> None:
        """Create a workload of each name, as fast as the API server takes them."""
        await _for_each(list(names), self._create, at_once)

    async def _create(self, name: str) -> None:
        manifest = Wanted().manifest(name, self.namespace)
        await _insist(lambda: self.api.create(manifest), fine=409)
        self.model[name] = Wanted()

    async def change(self, name: str, wanted: Wanted) -> None:
        """Patch a workload so that it is as *wanted*."""
        body = {"spec": wanted.spec()}
        await _insist(lambda: self.api.patch("MCPWorkload", self.namespace, name, body))
        self.model[name] = wanted

    async def change_all(self, names: Iterable[str], at_once: int = _AT_ONCE) -> None:
        """Give each of these workloads the next image."""
        await _for_each(
            list(names), lambda name: self.change(name, self.model[name].with_next_image()), at_once
        )

    async def delete(self, name: str) -> None:
        """Delete a workload, and with it what belongs to it."""
        await _insist(lambda: self.api.delete("MCPWorkload", self.namespace, name), fine=404)
        del self.model[name]

    async def crash(self, name: str) -> bool:
        """
        Let the container of the first pod end and start again, as a kubelet would report it.

        Return whether there was a container that ran.
        """
        pod = await self.api.get("Pod", self.namespace, f"{name}-0")
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return False
        statuses = pod["status"].get("containerStatuses") or []
        if not statuses or "running" not in statuses[0].get("state", {}):
            return False
        version = {"resourceVersion": pod["metadata"]["resourceVersion"]}
        body = {
            "metadata": version,
            "status": {"containerStatuses": [_restarted(statuses[0], next(self._containers))]},
        }
        try:
            await self.api.patch("Pod", self.namespace, f"{name}-0", body, subresource="status")
        except RequestFailed as failure:
            if failure.status in (404, 409):
                return False
            raise
        self.model[name] = self.model[name].crashed()
        return True

    async def settle(self, seconds: float) -> float:
        """
        Return after how many seconds all is as the model wants it.

        Raises:
            AssertionError: it is not so in time; with what is wrong, and the operator's log.
        """
        begin = time.monotonic()
        while wrong := await self._violations():
            if time.monotonic() - begin > seconds:
                raise AssertionError(self._describe(wrong, seconds))
            await asyncio.sleep(_POLL_SECONDS)
        return time.monotonic() - begin

    async def _violations(self) -> list[str]:
        try:
            return find_violations(self.model, await Snapshot.read(self.api, self.namespace))
        except (RequestFailed, aiohttp.ClientError, TimeoutError) as error:
            return [f"the objects cannot be read: {error}"]

    def _describe(self, wrong: list[str], seconds: float) -> str:
        lines = self.operator.words().splitlines()[-_LOG_LINES:]
        return "\n".join(
            (f"{len(wrong)} violations after {seconds:.0f} s:", *sorted(wrong)[:12], *lines)
        )

    async def writes_within(self, seconds: float) -> list[Write]:
        """Return what the operator writes in that time, Events included, its Lease not."""
        log = self.audit()
        await asyncio.sleep(seconds)
        return log.writes(self.namespace, apart=frozenset({"leases"}))

    def audit(self) -> AuditLog:
        """The audit log from now on."""
        return self.plane.audit.from_now()

    def memory(self) -> float:
        """Return the operator's resident memory in MiB."""
        for line in Path(f"/proc/{self.operator.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("the operator has no memory")

    def descriptors(self) -> int:
        """Return how many files and connections the operator has open."""
        return len(list(Path(f"/proc/{self.operator.pid}/fd").iterdir()))


async def _for_each(names: list[str], deed: Callable[[str], Awaitable[None]], at_once: int) -> None:
    waiting = iter(names)

    async def work() -> None:
        for name in waiting:
            await deed(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(names))):
            group.create_task(work())


async def _insist(deed: Callable[[], Awaitable[Any]], fine: int = 0) -> None:
    """Repeat *deed* until the API server has done it; the status *fine* says that it was done."""
    while True:
        try:
            await deed()
        except RequestFailed as failure:
            if failure.status == fine:
                return
            if failure.status not in (409, 429) and failure.status < 500:
                raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            pass  # the API server is away, or ended in the middle of an answer
        else:
            return
        await asyncio.sleep(_AGAIN_SECONDS)


def _restarted(status: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the status of a container that has ended with code 3 and runs again."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ended = {
        "exitCode": 3,
        "reason": "Error",
        "startedAt": status["state"]["running"]["startedAt"],
        "finishedAt": now,
        "containerID": status.get("containerID") or f"kwok://first-{number}",
    }
    return {
        **status,
        "restartCount": status["restartCount"] + 1,
        "containerID": f"kwok://{number}",
        "imageID": status.get("imageID", ""),
        "lastState": {"terminated": ended},
        "state": {"running": {"startedAt": now}},
    }


def _namespaces(namespace: str, own: str) -> list[dict[str, Any]]:
    """Return both namespaces of a site, and the right to hold a Lease in the operator's own."""
    group = "rbac.authorization.k8s.io"
    rule = {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["create", "get", "update"],
    }
    place = {"name": "lease", "namespace": own}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": own}},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": place, "rules": [rule]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": place,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "lease"},
            "subjects": [subject],
        },
    ]
