"""A cluster for commands: the real library on a connection that keeps objects in memory."""

import asyncio
import inspect
import json
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from mcpworkload.cli.app import cli
from mcpworkload.cli.cluster import Cluster
from mcpworkload.cli.options import CONNECT
from mcpworkload.cli.target import Target
from mcpworkload.kube.errors import error_of
from mcpworkload.runtime.answers import workload_error
from mcpworkload.runtime.connection import APPLY, RuntimeConnection, workloads_path

Manifest = dict[str, Any]
CREATED = "2026-01-01T12:00:00Z"


def make_body(name: str = "weather", namespace: str = "demo", **parts: Any) -> Manifest:
    """An MCPWorkload that the operator has made ready; *parts* go over its status."""
    body: Manifest = {
        "apiVersion": "mcpworkload.dev/v1alpha1",
        "kind": "MCPWorkload",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-of-{name}",
            "generation": 1,
            "creationTimestamp": CREATED,
        },
        "spec": {"image": "acme/weather:1", "transport": {"type": "streamable-http"}},
    }
    settle(body)
    body["status"].update(parts)
    return body


def settle(body: Manifest) -> None:
    """Say about *body* what the operator says in the end."""
    generation = body["metadata"]["generation"]
    is_stopped = body["spec"].get("operatingMode") == "Stopped"
    word = "Stopped" if is_stopped else "Ready"
    body["status"] = {
        "observedGeneration": generation,
        "readyReplicas": 0 if is_stopped else 1,
        "url": f"http://{body['metadata']['name']}.demo.svc:8080/mcp",
        "conditions": [
            {
                "type": kind,
                "status": status,
                "reason": word,
                "message": "as asked for",
                "observedGeneration": generation,
            }
            for kind, status in (("Ready", "True"), ("Available", str(not is_stopped)))
        ],
    }


class FakeConnection:
    """A `RuntimeConnection` with MCPWorkloads in memory, and *answers* for other paths."""

    namespace = "demo"

    def __init__(self, *bodies: Manifest, answers: Mapping[str, Any] | None = None) -> None:
        self.bodies = {_path(body): body for body in bodies}
        self.answers = dict(answers or {})
        self.requests: list[tuple[str, str]] = []
        self.queries: list[Mapping[str, str]] = []
        #: What a watch sees.
        self.events: list[Manifest] = []
        #: What the operator does to a workload that was written.
        self.react: Callable[[Manifest], None] = settle

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "",
        workload: str = "",
    ) -> Any:
        """The answer to one request."""
        is_apply = content_type == APPLY
        self.requests.append((method, path))
        self.queries.append(dict(query or {}))
        if path in self.answers:
            answer = self.answers[path]
            if callable(answer):
                answer = answer(body)
            return await answer if inspect.isawaitable(answer) else answer
        if not path.endswith("/mcpworkloads"):
            return self._one(method, path, body, workload, is_apply)
        items = [item for key, item in self.bodies.items() if key.startswith(path)]
        if path == workloads_path():
            items = list(self.bodies.values())
        wanted = (query or {}).get("fieldSelector", "").removeprefix("metadata.name=")
        chosen = [item for item in items if wanted in ("", item["metadata"]["name"])]
        return {"items": chosen, "metadata": {"resourceVersion": "1"}}

    def _one(self, method: str, path: str, body: Any, workload: str, is_apply: bool) -> Manifest:
        if "mcpworkloads" not in path:
            return {"items": [], "metadata": {"resourceVersion": "1"}}
        if path not in self.bodies and not is_apply:
            answer = {"message": "not found", "details": {"kind": "mcpworkloads"}}
            raise workload_error(error_of(404, json.dumps(answer).encode()), workload)
        if method == "GET":
            return self.bodies[path]
        if method == "DELETE":
            return self.bodies.pop(path)
        namespace, name = path.split("/")[-3], path.split("/")[-1]
        found = self.bodies.setdefault(path, make_body(name, namespace))
        found["spec"] = {**({} if is_apply else found["spec"]), **body["spec"]}
        found["metadata"]["generation"] += 1
        self.react(found)
        return found

    @asynccontextmanager
    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Any]:
        """The lines of one watch."""
        del path, query
        yield self._lines()

    async def _lines(self) -> AsyncGenerator[bytes]:
        """What is to happen; then Ctrl-C, or nothing any more where nothing is to happen."""
        for event in self.events:
            metadata = {"resourceVersion": "1", **event["object"]["metadata"]}
            yield json.dumps(
                {**event, "object": {**event["object"], "metadata": metadata}}
            ).encode()
        if self.events:
            signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    @asynccontextmanager
    async def websocket(self, path: str, *_: object) -> AsyncIterator[Any]:
        """None: what is answered to *path* is why there is none."""
        yield await self.request("GET", path)


class CommandHarness:
    """Runs commands against a `FakeConnection`, as CliRunner does."""

    def __init__(self, *bodies: Manifest, answers: Mapping[str, Any] | None = None) -> None:
        self.connection = FakeConnection(*bodies, answers=answers)
        self.target: Target | None = None

    @asynccontextmanager
    async def connect(self, target: Target) -> AsyncIterator[Cluster]:
        """The cluster, whatever is asked for."""
        self.target = target
        yield Cluster(cast("RuntimeConnection", self.connection))

    def run(self, *words: str, stdin: str | None = None) -> Result:
        """The end of a command, with what it wrote."""
        return CliRunner().invoke(cli, words, obj={CONNECT: self.connect}, input=stdin)

    def spec(self, name: str = "weather") -> Manifest:
        """The spec as it is now."""
        found: Manifest = self.connection.bodies[workloads_path("demo", name)]["spec"]
        return found


def _path(body: Manifest) -> str:
    return workloads_path(body["metadata"]["namespace"], body["metadata"]["name"])


def lines(text: str) -> list[list[str]]:
    """The words of a table, line by line."""
    return [line.split() for line in text.splitlines()]


@pytest.fixture
def harness() -> CommandHarness:
    """One workload that is ready."""
    return CommandHarness(make_body())
