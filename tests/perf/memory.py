"""
What a restart costs the operator's process: memory and CPU time, with no cluster beside it.

Usage: python -m tests.perf.memory [COUNT] [--caches-only] [--python PROGRAM]. It starts the
operator against an API server that lists COUNT (10000) settled workloads, each with a StatefulSet,
a Service and a pod, and has no news of them. It prints the CPU time, the resident memory at the end
and its peak, and every write: there should be none. With --caches-only no workload is reconciled:
what is left is the cost of lists, caches and kopf. PROGRAM is a Python in an environment with the
operator's dependencies alone, as its image has them; with `kubernetes` beside them, kopf imports
that as well.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from mcpworkload.api import names
from tests.support.cost import cpu_seconds
from tests.support.settled import make_settled

_ROOT = Path(__file__).parents[2]
_VERSION = "2000000000"
_CACHES_ONLY = """
import sys
from mcpworkload.__main__ import main
from mcpworkload.controller.reconcile import Reconciler
async def rest(self, key):
    return None
Reconciler.__call__ = rest
sys.exit(main())
"""
_BOOKMARK_SECONDS = 30.0
_QUIET_SECONDS = 3.0
_LONGEST_SECONDS = 600.0
_METADATA_ONLY = "PartialObjectMetadataList"
# What kopf waits for, beside the workloads.
_RESOURCES = defaultdict(
    list,
    {
        f"apis/{names.API_VERSION}": [(names.PLURAL, names.KIND, True)],
        "api/v1": [("namespaces", "Namespace", False), ("events", "Event", True)],
    },
)


class Replay:
    """An API server that lists settled workloads, keeps watches open and counts what is written."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._lease: dict[str, Any] = {}
        #: Requests by method and the resource that they are about.
        self.requests: Counter[str] = Counter()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        parts = request.path.strip("/").split("/")
        if "leases" in parts:
            return await self._answer_lease(request)
        if len(parts) < (3 if parts[0] == "api" else 4):
            return self._discover(parts)
        plural = parts[-1] if parts[0] == "api" or len(parts) == 4 else parts[-2]
        verb = "WATCH" if "watch" in request.query else request.method
        self.requests[f"{verb} {plural}"] += 1
        if verb == "WATCH":
            return await self._watch(request)
        if request.method != "GET" or parts[-1] != plural:
            return web.json_response({"code": 404, "message": "no"}, status=404)
        return self._list(plural, request)

    def _list(self, plural: str, request: web.Request) -> web.Response:
        is_ours = plural in (names.PLURAL, "statefulsets", "services", "pods")
        total = self._count if is_ours else 0
        begin = int(request.query.get("continue", 0))
        end = min(total, begin + int(request.query.get("limit", total or 1)))
        metadata = {"resourceVersion": _VERSION}
        if end < total:
            metadata["continue"] = str(end)
        items = [make_settled(plural, number) for number in range(begin, end)]
        if _METADATA_ONLY in request.headers["Accept"]:
            items = [_metadata_of(item) for item in items]
        head = json.dumps({"kind": "List", "apiVersion": "v1", "metadata": metadata})[:-1].encode()
        return web.Response(
            body=head + b',"items":[' + b",".join(items) + b"]}", content_type="application/json"
        )

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": _VERSION}}}
        while True:
            await asyncio.sleep(_BOOKMARK_SECONDS)
            await response.write(json.dumps(bookmark).encode() + b"\n")

    async def _answer_lease(self, request: web.Request) -> web.Response:
        if request.method == "GET" and not self._lease:
            return web.json_response({"code": 404, "message": "no"}, status=404)
        if request.method != "GET":
            self._lease = await request.json()
            version = int(self._lease["metadata"].get("resourceVersion", 0)) + 1
            self._lease["metadata"]["resourceVersion"] = str(version)
        return web.json_response(self._lease)

    def _discover(self, parts: list[str]) -> web.Response:
        group = {
            "name": names.GROUP,
            "versions": [{"groupVersion": names.API_VERSION, "version": names.VERSION}],
            "preferredVersion": {"groupVersion": names.API_VERSION, "version": names.VERSION},
        }
        is_ours = names.GROUP in parts
        return web.json_response(
            {
                "groups": [group] if parts == ["apis"] else [],
                "versions": ["v1"] if parts == ["api"] else group["versions"] if is_ours else [],
                "preferredVersion": group["preferredVersion"],
                "resources": [_resource(*each) for each in _RESOURCES["/".join(parts)]],
            }
        )


def _resource(plural: str, kind: str, namespaced: bool) -> dict[str, Any]:
    return {
        "name": plural,
        "singularName": kind.lower(),
        "kind": kind,
        "namespaced": namespaced,
        "verbs": ["get", "list", "watch", "patch"],
    }


def _metadata_of(item: bytes) -> bytes:
    return json.dumps({"metadata": json.loads(item)["metadata"]}).encode()


async def main(count: int, command: list[str]) -> None:
    """Measure one restart."""
    replay = Replay(count)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", replay.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(runner.addresses[0][1])))
        with _operator(command, kubeconfig) as process:
            await _observe(process, replay)
    await runner.cleanup()


def _kubeconfig(port: int) -> dict[str, Any]:
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }


@contextmanager
def _operator(command: list[str], kubeconfig: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "PATH": "/usr/bin",
        "PYTHONPATH": str(_ROOT / "operator"),
        "KUBECONFIG": str(kubeconfig),
        "MCPWORKLOAD_PROBE_PORT": "0",
        "MCPWORKLOAD_LOG_FORMAT": "text",
        "MCPWORKLOAD_VERIFICATION": "Off",
    }
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


async def _observe(process: subprocess.Popen[bytes], replay: Replay) -> None:
    """Wait until the process is quiet; print what it took."""
    while replay.requests["WATCH " + names.PLURAL] == 0:
        await asyncio.sleep(0.05)
        assert process.poll() is None
    at_watch = cpu_seconds(process.pid)
    quiet_since, spent = time.monotonic(), at_watch
    begun = quiet_since
    while time.monotonic() - quiet_since < _QUIET_SECONDS:
        await asyncio.sleep(0.25)
        now = cpu_seconds(process.pid)
        if now - spent > 0.02:
            quiet_since = time.monotonic()
        spent = now
        assert time.monotonic() - begun < _LONGEST_SECONDS
    writes = {
        name: each
        for name, each in replay.requests.items()
        if name.split()[0] not in ("GET", "WATCH")
    }
    sys.stdout.write(
        f"CPU {spent:.2f} s ({at_watch:.2f} s until kopf watches); resident: now "
        f"{_memory(process.pid, 'VmRSS')} MB, peak {_memory(process.pid, 'VmHWM')} MB; "
        f"writes: {writes or 'none'}; requests: {sum(replay.requests.values())}\n"
    )


def _memory(pid: int, row: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(row + ":"):
            return round(int(line.split()[1]) / 1024)
    raise AssertionError(row)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("--caches-only", action="store_true")
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    what = ["-c", _CACHES_ONLY] if arguments.caches_only else ["-m", "mcpworkload"]
    asyncio.run(main(arguments.count, [arguments.python, *what]))
