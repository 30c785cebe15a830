"""
The floor of the benchmark: the same writes as the operator's, and no framework.

It lists and watches one resource with aiohttp, and for each new generation applies the children and
merges `status.observedGeneration`. It looks at no child and repairs nothing. Sixteen workloads are
in work at a time, as in the operator, with the children of each side by side.

    python bare_loop.py KUBECONFIG RESOURCE-PATH CHILDREN-FILE

CHILDREN-FILE has a JSON array: of each child its `path` and the `body` to apply, as text in which
`{name}`, `{namespace}`, `{uid}` and `{image}` stand for what the workload has.
"""

import asyncio
import base64
import json
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import msgspec

IN_FLIGHT = 16
PAGE = 500
WATCH_SECONDS = 300
RETRY_SECONDS = 1.0
APPLY = {"Content-Type": "application/apply-patch+yaml"}
MERGE = {"Content-Type": "application/merge-patch+json"}
FORCE = {"fieldManager": "bare-loop", "force": "true"}
MANAGER = {"fieldManager": "bare-loop"}


class Metadata(msgspec.Struct, rename="camel"):
    """What is read of an object's metadata."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Spec(msgspec.Struct):
    """What is read of a workload's spec."""

    image: str = ""


class Status(msgspec.Struct, rename="camel"):
    """What is read of a workload's status."""

    observed_generation: int = 0


class Workload(msgspec.Struct):
    """One workload; also an ERROR event's Status and a BOOKMARK's empty object."""

    metadata: Metadata = msgspec.field(default_factory=Metadata)
    spec: Spec = msgspec.field(default_factory=Spec)
    status: Status | str = msgspec.field(default_factory=Status)


class Page(msgspec.Struct):
    """One page of a list."""

    metadata: Metadata
    items: list[Workload]


class Event(msgspec.Struct):
    """One line of a watch."""

    type: str
    object: Workload


decode_page = msgspec.json.Decoder(Page).decode
decode_event = msgspec.json.Decoder(Event).decode


class BareLoop:
    """List, watch, and three writes for each new generation."""

    def __init__(self, session: aiohttp.ClientSession, path: str, children: Path) -> None:
        self._session, self._path = session, path
        templates = json.loads(children.read_text())
        self._children = [(each["path"], each["body"]) for each in templates]
        self._waiting: dict[tuple[str, str], Workload] = {}
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._busy: set[tuple[str, str]] = set()
        #: The last body applied to each child: one that is the same is not sent again.
        self._applied: dict[str, int] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_forever())
            for _ in range(IN_FLIGHT):
                group.create_task(self._work())

    async def _watch_forever(self) -> None:
        version = ""
        while True:
            try:
                if not version:
                    version = await self._list()
                async for event in self._watch(version):
                    if event.type == "ERROR":
                        version = ""
                        break
                    version = event.object.metadata.resource_version
                    if event.type in ("ADDED", "MODIFIED"):
                        self._see(event.object)
            except (aiohttp.ClientError, TimeoutError) as error:
                print(f"watch: {error}", flush=True)  # noqa: T201
                await asyncio.sleep(RETRY_SECONDS)

    async def _list(self) -> str:
        token = ""
        while True:
            params = {"limit": str(PAGE), "continue": token}
            async with self._session.get(self._path, params=params) as response:
                page = decode_page(await response.read())
            for workload in page.items:
                self._see(workload)
            token = page.metadata.continue_
            if not token:
                return page.metadata.resource_version

    async def _watch(self, version: str) -> AsyncIterator[Event]:
        params = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with self._session.get(self._path, params=params) as response:
            async for line in response.content:
                yield decode_event(line)

    def _see(self, workload: Workload) -> None:
        status = workload.status
        metadata = workload.metadata
        if isinstance(status, Status) and status.observed_generation == metadata.generation:
            return
        key = (metadata.namespace, metadata.name)
        is_new = key not in self._waiting
        self._waiting[key] = workload
        if is_new and key not in self._busy:
            self._queue.put_nowait(key)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            workload = self._waiting.pop(key)
            self._busy.add(key)
            try:
                await self._reconcile(workload)
            except (aiohttp.ClientError, TimeoutError) as error:
                print(f"{key}: {error}", flush=True)  # noqa: T201
                self._waiting.setdefault(key, workload)
                await asyncio.sleep(RETRY_SECONDS)
            self._busy.discard(key)
            if key in self._waiting:
                self._queue.put_nowait(key)

    async def _reconcile(self, workload: Workload) -> None:
        metadata = workload.metadata
        values = {
            "{name}": metadata.name,
            "{namespace}": metadata.namespace,
            "{uid}": metadata.uid,
            # The only value that a user chooses freely.
            "{image}": json.dumps(workload.spec.image)[1:-1],
        }
        await asyncio.gather(*(self._apply(*child, values) for child in self._children))
        status = {"status": {"observedGeneration": metadata.generation}}
        url = f"{self._path_in(metadata.namespace)}/{metadata.name}/status"
        async with self._session.patch(
            url, params=MANAGER, headers=MERGE, data=msgspec.json.encode(status)
        ) as response:
            await response.read()

    async def _apply(self, path: str, body: str, values: dict[str, str]) -> None:
        for placeholder, value in values.items():
            path, body = path.replace(placeholder, value), body.replace(placeholder, value)
        content = hash(body)
        if self._applied.get(path) == content:
            return
        async with self._session.patch(
            path, params=FORCE, headers=APPLY, data=body.encode()
        ) as response:
            await response.read()
        self._applied[path] = content

    def _path_in(self, namespace: str) -> str:
        group, _, plural = self._path.rpartition("/")
        return f"{group}/namespaces/{namespace}/{plural}"


async def main(kubeconfig: Path, path: str, children: Path) -> None:
    """Run until SIGTERM."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    config = json.loads(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    tls = ssl.create_default_context(cadata=authority)
    async with aiohttp.ClientSession(
        base_url=cluster["server"],
        connector=aiohttp.TCPConnector(limit=0, ssl=tls),
        headers={"Authorization": f"Bearer {user['token']}", "User-Agent": "bare-loop"},
        raise_for_status=True,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        read_bufsize=2**20,
    ) as session:
        print("started", flush=True)  # noqa: T201
        await BareLoop(session, path, children).run()


if __name__ == "__main__":
    with suppress(asyncio.CancelledError):
        asyncio.run(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
