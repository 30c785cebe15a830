"""The verifier on real sockets: whom it asks, when, and what it reports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from mcpworkload.controller import answers, verifier
from mcpworkload.controller.answers import Answers, PodAnswer
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.desired import DEFAULT_POLICY, Check, build_check
from mcpworkload.controller.probe_headers import NO_HEADERS, Headers
from mcpworkload.controller.verification_metrics import VerificationMetrics
from mcpworkload.controller.verifier import Verifier
from mcpworkload.kube.objects import Pod
from mcpworkload.verification.exchange import open_session
from mcpworkload.verification.finding import Finding, Result, Server
from tests.support.parsed import make_pod, make_workload
from tests.support.waits import until
from tests.support.web_server import listening

KEY = "team/weather"


@dataclass
class Weather:
    """A modern server that counts what it is asked, and may be told to misbehave."""

    port: int = 0
    status: int = 200
    tools: list[dict[str, Any]] = field(default_factory=lambda: [{"name": "rain"}])
    #: The Authorization that it wants.
    needs: str = ""
    asked: int = 0
    most_at_once: int = 0
    pause: float = 0.0
    _now: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Answer `server/discover` and `tools/list`."""
        message = await request.json()
        is_discovery = message["method"] == "server/discover"
        self.asked += is_discovery
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(self.pause)
        self._now -= 1
        if self.needs and request.headers.get("Authorization") != self.needs:
            return web.Response(status=401)
        if self.status != 200:
            return web.Response(status=self.status)
        result: dict[str, Any] = {"tools": self.tools}
        if is_discovery:
            result = {
                "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "weather", "version": "1"},
            }
        return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": result})


@asynccontextmanager
async def serving(weather: Weather) -> AsyncIterator[Weather]:
    """Serve *weather* on a port of loopback."""
    app = web.Application()
    app.router.add_post("/mcp", weather.answer)
    async with listening(app) as weather.port:
        yield weather


@dataclass
class World:
    """A verifier at work, and the keys that it reported."""

    verifier: Verifier
    metrics: VerificationMetrics
    changed: list[str] = field(default_factory=list)

    def follow(
        self,
        check: Check | None,
        *pods: Pod,
        headers: Headers | None = NO_HEADERS,
        status: dict[str, Any] | None = None,
    ) -> Answers:
        """As a reconcile does."""
        by_name = {pod.metadata.name: pod for pod in pods}
        return self.verifier.follow(KEY, by_name, check, headers, status or {})

    def answer(self, pod: str = "weather-0") -> PodAnswer:
        """What is known of that pod's server."""
        return self.verifier.of(KEY).pods[f"{pod}-uid"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience and pauses of a test's length."""
    for module, name, seconds in (
        (answers, "PATIENCE_SECONDS", 0.5),
        (answers, "_FIRST_PAUSE", 0.02),
        (answers, "_LONGEST_FIRST_PAUSE", 0.05),
        (answers, "_NEXT_PAUSE", 0.1),
        (answers, "LONGEST_PAUSE_SECONDS", 0.4),
        (verifier, "_SPREAD_SECONDS", 0.2),
    ):
        monkeypatch.setattr(module, name, seconds)


@asynccontextmanager
async def at_work(workers: int = 4) -> AsyncIterator[World]:
    """A verifier with so many workers."""
    metrics, changed = VerificationMetrics(), list[str]()
    async with open_session() as session:
        found = Verifier(session, changed.append, Clock(), metrics)
        tasks = [asyncio.create_task(found.work()) for _ in range(workers)]
        yield World(found, metrics, changed)
        found.drop(KEY)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def check_of(weather: Weather, interval: float = 300.0, **verification: Any) -> Check:
    """How the server on that port is verified."""
    transport = {"type": "streamable-http", "port": weather.port}
    workload = make_workload(transport=transport, verification=verification)
    return replace(build_check(workload, DEFAULT_POLICY), interval=interval)


def pod(name: str = "weather-0", container: str = "c1", age: float = -60.0, **more: Any) -> Pod:
    """A ready pod at loopback whose container is so many seconds older than now."""
    started = datetime.now(UTC) - timedelta(seconds=age)
    status = {
        "containerID": container,
        "started": True,
        "ready": True,
        "state": {"running": {"startedAt": started.isoformat()}},
    }
    return make_pod(name, **{"ready": True, "container": status, "podIP": "127.0.0.1", **more})


async def test_each_pod_is_asked_and_what_it_says_is_reported_once() -> None:
    """A second reconcile asks nothing, and neither does an equal answer report again."""
    async with serving(Weather()) as weather, at_work() as world:
        check = check_of(weather)
        pods = [pod("weather-0"), pod("weather-1")]
        assert all(each.is_pending for each in world.follow(check, *pods).pods.values())
        await until(lambda: len(world.changed) == 2)
        world.follow(check, *pods)
        await asyncio.sleep(0.1)

        assert weather.asked == 2
        assert {world.answer(name).result for name in ("weather-0", "weather-1")} == {
            Result.HANDSHAKE_OK
        }
        # Thousands of pods say the same: it is kept once.
        assert world.answer("weather-0").server is world.answer("weather-1").server


async def test_it_is_asked_again_after_the_interval_and_never_with_on_start() -> None:
    """And after a restart of the container in either case."""
    async with serving(Weather()) as weather, at_work() as world:
        world.follow(check_of(weather, mode="OnStart", interval=1.0), pod())
        await until(lambda: weather.asked == 1)
        await asyncio.sleep(1.5)
        assert weather.asked == 1
        world.follow(check_of(weather, mode="OnStart", interval=1.0), pod(container="c2"))
        await until(lambda: weather.asked == 2)
        world.follow(check_of(weather, interval=1.0), pod(container="c2"))
        await until(lambda: weather.asked >= 4)

        assert world.changed == [KEY, KEY]


async def test_a_server_that_is_not_ready_yet_is_asked_until_it_is() -> None:
    """It has some time; then its failure counts, and its recovery does."""
    async with serving(Weather(status=503)) as weather, at_work() as world:
        world.follow(check_of(weather), pod())
        await until(lambda: weather.asked >= 3)
        assert world.answer().is_pending
        await until(lambda: world.answer().is_wrong)
        weather.status = 200
        await until(lambda: world.answer().result is Result.HANDSHAKE_OK)

        assert world.changed == [KEY, KEY]


async def test_a_pod_that_goes_is_asked_no_more() -> None:
    """And what was known of it is forgotten; so is a workload that is switched off."""
    async with serving(Weather()) as weather, at_work() as world:
        check = check_of(weather, interval=1.0)
        world.follow(check, pod("weather-0"), pod("weather-1"))
        await until(lambda: weather.asked == 2)
        assert list(world.follow(check, pod("weather-1")).pods) == ["weather-1-uid"]
        assert world.follow(check_of(weather, mode="Off"), pod("weather-1")).pods == {}
        asked = weather.asked
        await asyncio.sleep(1.5)

        assert weather.asked == asked


async def test_without_a_spec_the_servers_go_on_as_they_were() -> None:
    """An invalid edit is no reason to look away."""
    async with serving(Weather()) as weather, at_work() as world:
        world.follow(check_of(weather, interval=1.0), pod())
        await until(lambda: weather.asked == 1)
        found = world.follow(None, pod(), headers=None)
        await until(lambda: weather.asked == 2)

        assert list(found.pods) == ["weather-0-uid"]
        assert world.answer().result is Result.HANDSHAKE_OK


@pytest.mark.parametrize(
    ("kind", "reason", "decided", "started", "is_presumed"),
    [
        pytest.param("Verified", "HandshakeOk", 60, 90, True, id="it answered"),
        pytest.param("Verified", "NotMcp", 60, 90, True, id="it answered otherwise"),
        pytest.param("Ready", "Ready", 60, 90, True, id="of a version that did not verify"),
        pytest.param("Verified", "HandshakeOk", 90, 60, False, id="started after its answer"),
        pytest.param("Verified", "HandshakeOk", 60, 58, True, id="clocks that differ a little"),
        pytest.param("Verified", "Pending", 60, 90, False, id="it had not answered yet"),
        pytest.param("Verified", "HandshakeOk", 60, -60, False, id="started in our time"),
        pytest.param("Accepted", "Accepted", 60, 90, False, id="nothing is known"),
    ],
)
async def test_a_server_that_ran_before_is_known_by_the_status(
    kind: str, reason: str, decided: float, started: float, is_presumed: bool
) -> None:
    """Where that was written after its start, seconds ago."""
    moment = datetime.now(UTC) - timedelta(seconds=decided)
    condition = {"type": kind, "status": "True", "reason": reason}
    status = {"conditions": [{**condition, "lastTransitionTime": moment.isoformat()}]}
    async with at_work(workers=0) as world:
        found = world.follow(check_of(Weather(port=1)), pod(age=started), status=status)

    assert found.pods["weather-0-uid"].is_presumed == is_presumed


async def test_nobody_is_asked_while_headers_are_not_known() -> None:
    """Without them, a guarded server would seem to refuse those that nobody sent."""
    async with serving(Weather(needs="Bearer one")) as weather, at_work() as world:
        assert world.follow(check_of(weather), pod(), headers=None).pods == {}
        world.follow(check_of(weather), pod(), headers=Headers({"Authorization": "Bearer one"}))
        await until(lambda: world.answer().result is Result.HANDSHAKE_OK)

        assert weather.asked == 1


async def test_a_fault_of_the_probe_is_logged_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is asked again later, and so are the others."""
    asked = []

    async def fail_once(*_: object, **__: object) -> Finding:
        asked.append(1)
        if len(asked) == 1:
            raise KeyError("surprise")
        return Finding(Result.HANDSHAKE_OK, server=Server("modern"))

    monkeypatch.setattr(verifier, "probe", fail_once)
    monkeypatch.setattr(verifier, "LONGEST_PAUSE_SECONDS", 0.1)
    async with at_work(workers=1) as world:
        world.follow(check_of(Weather(port=1)), pod())
        await until(lambda: len(asked) == 2)

    assert "surprise" in caplog.text


async def test_headers_let_it_in() -> None:
    """New ones are tried at once."""
    async with serving(Weather(needs="Bearer one")) as weather, at_work() as world:
        world.follow(check_of(weather), pod())
        await until(lambda: world.answer().result is Result.AUTH_REQUIRED)
        headers = Headers({"Authorization": "Bearer one"})
        world.follow(check_of(weather), pod(), headers=headers)
        await until(lambda: world.answer().result is Result.HANDSHAKE_OK)

        assert "Bearer" not in repr(headers)


async def test_a_port_that_only_the_kubelet_reaches_is_unreachable() -> None:
    """Where a probe of the user's own makes the pod ready, nothing listens at all."""
    weather = Weather(port=1)
    transport = {"type": "streamable-http", "port": 1}
    own = make_workload(transport=transport, probes={"readiness": {"exec": {"command": ["true"]}}})
    async with at_work() as world:
        world.follow(check_of(weather), pod())
        await until(lambda: world.answer().result is Result.UNREACHABLE)
        world.follow(build_check(own, DEFAULT_POLICY), pod(container="c2"))
        await until(lambda: world.answer().result is Result.CONNECTION_REFUSED)


async def test_so_many_are_asked_at_a_time() -> None:
    """No more than there are workers, and those that have started before those that are late."""
    async with serving(Weather(pause=0.05)) as weather, at_work(workers=3) as world:
        world.follow(check_of(weather), *(pod(f"weather-{number}") for number in range(12)))
        await until(lambda: len(world.changed) == 12)

        assert weather.most_at_once == 3


async def test_the_last_lists_of_tools_are_known() -> None:
    """So an Event can name what changed."""
    async with serving(Weather()) as weather, at_work() as world:
        world.follow(check_of(weather, interval=1.0), pod())
        await until(lambda: weather.asked == 1 and len(world.changed) == 1)
        weather.tools = [{"name": "rain"}, {"name": "snow"}]
        await until(lambda: len(world.changed) == 2)

        lists = world.verifier.of(KEY).tools.values()
        assert [sorted(each.tools) for each in lists] == [["rain"], ["rain", "snow"]]


async def test_what_it_does_is_counted() -> None:
    """By result; the age is that of the last answer."""
    async with serving(Weather()) as weather, at_work() as world:
        world.follow(check_of(weather), pod())
        await until(lambda: bool(world.changed))
        families = {family.name: family for family in world.metrics.collect()}

        counts = {
            sample.labels["result"]: sample.value
            for sample in families["mcpworkload_verification_probes"].samples
        }
        assert counts["HandshakeOk"] == 1
        assert sum(counts.values()) == 1
        ((key, age),) = world.metrics.ages()
        assert key == KEY
        assert 0 <= age < 5
