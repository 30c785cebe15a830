"""Faults that meet one operator alone: on its way to the API server, and in its process."""

import asyncio
import itertools
import random
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.faults.findings import Finding, Watcher
from tests.faults.site import Site
from tests.faults.sizes import (
    CUT_SECONDS,
    FIGHT_SECONDS,
    IDLE_SECONDS,
    SETTLE_SECONDS,
    WORKLOADS,
    names,
)
from tests.faults.soak import soak
from tests.support.api import RequestFailed
from tests.support.control_plane import ControlPlane
from tests.support.fault_proxy import Answer, Delay, LoseAnswer, Rule
from tests.support.process import ACCOUNT, NAMESPACE

Scenario = Callable[[ControlPlane], Awaitable[Finding]]
_ERRORS = (
    Rule(Delay(5), share=0.06),
    Rule(Answer(500), share=0.08),
    Rule(Answer(429, retry_after=1), share=0.06),
    Rule(Answer(409), share=0.06),
    Rule(LoseAnswer(), share=0.06, verbs=frozenset({"patch", "post", "put", "delete"})),
)
FAKE_TIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
_KILLS = 3
_FOUGHT = 20


async def errors(plane: ControlPlane) -> Finding:
    """Nearly a third of all requests fails or is late, and goes on doing so."""
    async with Site.open(plane, "errors") as site:
        how = (
            "the proxy answers 8 % with 500, 6 % 429, 6 % 409, delays 6 % by 5 s, loses 6 % answers"
        )
        watcher = Watcher.of(site, "30 % of requests fail or are late", how)
        site.proxy.rules = _ERRORS
        await _change_much(site)
        # It has to come to an end among errors as well.
        among = await site.settle(SETTLE_SECONDS)
        site.proxy.rules = ()
        finding = await watcher.conclude()
        assert all(site.proxy.counts[word] for word in ("500", "429", "409", "Delay"))
        return replace(finding, seconds=round(among, 1))


async def cuts(plane: ControlPlane) -> Finding:
    """Connections break at random, again and again, while much changes."""
    async with Site.open(plane, "cuts") as site:
        how = f"the proxy breaks half of the connections every 0.2 to 2 s for {CUT_SECONDS:.0f} s"
        watcher = Watcher.of(site, "watches cut at random", how)
        cutting = asyncio.create_task(_cut_at_random(site))
        await _change_much(site)
        await cutting
        assert site.proxy.counts["Cut"] > CUT_SECONDS / 2
        return await watcher.conclude()


async def _cut_at_random(site: Site) -> None:
    end = time.monotonic() + CUT_SECONDS
    while time.monotonic() < end:
        await asyncio.sleep(site.proxy.random.uniform(0.2, 2))
        site.proxy.cut(0.5)


async def silence(plane: ControlPlane) -> Finding:
    """All watches go silent at once, and their connections stay open."""
    async with Site.open(plane, "silence") as site:
        await site.create(names())
        await site.settle(SETTLE_SECONDS)
        await asyncio.sleep(IDLE_SECONDS)
        # What is quiet because nothing happens is no trouble.
        assert "WARNING" not in site.operator.words()
        how = "the proxy passes nothing on for the open watches, and does not end them"
        watcher = Watcher.of(site, "watches silent without an end", how)
        assert site.proxy.silence() > 5
        await _change_much(site, is_new=False)
        return await watcher.conclude()


async def token(plane: ControlPlane) -> Finding:
    """The token is refused from one moment on; a new one is in the file a little later."""
    async with Site.open(plane, "token") as site:
        await _use_token(site, "token-1")
        await asyncio.to_thread(site.operator.kill)
        while not site.operator.is_running:
            await asyncio.sleep(0.1)
        await site.until_leading()
        await site.create(names())
        await site.settle(SETTLE_SECONDS)
        how = "the Secret that the token is bound to is deleted; 2 s later the file has a new token"
        watcher = Watcher.of(site, "token revoked and replaced", how)
        await site.api.delete("Secret", NAMESPACE, "token-1")
        await asyncio.sleep(2)
        await _use_token(site, "token-2")
        await site.change_all(names())
        finding = await watcher.conclude()
        assert finding.ends == 0, "a token that is in the file already needs no restart"
        return finding


async def _use_token(site: Site, secret: str) -> None:
    """Give the operator a token that lives as long as that Secret does."""
    metadata = {"name": secret, "namespace": NAMESPACE}
    await site.api.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    bound = ("--bound-object-kind=Secret", f"--bound-object-name={secret}")
    found = await asyncio.to_thread(
        site.plane.kubectl, "create", "token", ACCOUNT, "--namespace", NAMESPACE, *bound
    )
    site.proxy.use_token(found.strip())


async def clock(plane: ControlPlane) -> Finding:
    """The wall clock of the operator jumps by hours, forwards and backwards."""
    file = plane.settings.state / "faketime"
    file.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(FAKE_TIME),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    async with Site.open(plane, "clock", environment) as site:
        await site.create(names())
        await site.settle(SETTLE_SECONDS)
        how = "libfaketime moves the process's wall clock by +1 h, then to -2 h, then back"
        watcher = Watcher.of(site, "clock jumps", how)
        for offset in ("+3600", "-7200", "+0"):
            file.write_text(f"{offset}\n")
            await site.change_all(names())
            for name in names(WORKLOADS // 5):
                await site.crash(name)
            await site.settle(SETTLE_SECONDS)
        return await watcher.conclude()


async def kills(plane: ControlPlane) -> Finding:
    """The operator is killed at random moments of a burst, as the kernel does without memory."""
    async with Site.open(plane, "kills") as site:
        how = f"SIGKILL at {_KILLS} random moments of a burst; started again after a second"
        watcher = Watcher.of(site, "operator killed", how)
        burst = asyncio.create_task(site.create(names()))
        for _ in range(_KILLS):
            await asyncio.sleep(random.Random(site.ends).uniform(1, 4))  # noqa: S311
            await asyncio.to_thread(site.operator.kill)
            while not site.operator.is_running:
                await asyncio.sleep(0.1)
        await burst
        finding = await watcher.conclude()
        assert finding.ends == _KILLS
        return finding


async def fight(plane: ControlPlane) -> Finding:
    """Another controller sets a field of the StatefulSets back each time, at once."""
    fought = names(min(WORKLOADS, _FOUGHT))
    async with Site.open(plane, "fight") as site:
        await site.create(names())
        await site.settle(SETTLE_SECONDS)
        how = (
            f"{FIGHT_SECONDS:.0f} s long a client sets the image of {len(fought)} StatefulSets back"
        )
        watcher = Watcher.of(site, "another controller fights for a field", how)
        log = site.audit()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIGHT_SECONDS):
                await _fight(site, fought)
        repairs = [
            write for write in log.writes(site.namespace) if write.resource == "statefulsets"
        ]
        for name in fought:
            count = sum(write.name == name for write in repairs)
            assert 0 < count <= most_repairs(FIGHT_SECONDS), f"{count} repairs of {name}"
        return await watcher.conclude()


async def _fight(site: Site, fought: list[str]) -> None:
    other = [{"name": "mcp", "image": "registry.example/other:1"}]
    body = {"spec": {"template": {"spec": {"containers": other}}}}
    strategic = "application/strategic-merge-patch+json"
    async for found in site.api.watch("StatefulSet", site.namespace):
        name = found["metadata"]["name"]
        images = [each["image"] for each in found["spec"]["template"]["spec"]["containers"]]
        if name in fought and other[0]["image"] not in images:
            with suppress(RequestFailed):
                await site.api.patch(
                    "StatefulSet", site.namespace, name, body, content_type=strategic
                )


def most_repairs(seconds: float) -> int:
    """How often a field may be set back in that time: thrice at once, then ever less often."""
    pauses = itertools.chain([0, 0, 0, 0.5, 1, 2, 4, 8, 16, 32], itertools.repeat(60))
    moments = itertools.accumulate(pauses)
    # One more for the one that was due when the time began.
    return 1 + sum(1 for _ in itertools.takewhile(lambda at: at <= seconds, moments))


async def _change_much(site: Site, *, is_new: bool = True) -> None:
    """Create or have workloads, give them all another image, delete some and add others."""
    if is_new:
        await site.create(names())
    await site.change_all(names())
    for name in names(WORKLOADS // 10):
        await site.delete(name)
    await site.create(f"late-{name}" for name in names(WORKLOADS // 10))


SIDE_BY_SIDE: dict[str, Scenario] = {
    # What takes longest begins first.
    each.__name__: each
    for each in (silence, soak, fight, errors, cuts, token, clock, kills)
}
HAS_FAKE_TIME = FAKE_TIME.exists() or shutil.which("faketime") is not None
