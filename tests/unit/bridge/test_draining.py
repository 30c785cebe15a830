"""Draining as arithmetic: no process, no connection, no clock."""

import asyncio

import pytest

from mcpworkload.bridge.changes import Changes
from mcpworkload.bridge.draining import LINGER_SECONDS, Draining, Load

LOADS = {
    "nothing": (Load(), True),
    "a GET that listens": (Load(requests=1), True),
    "a POST": (Load(requests=1, posts=1), False),
    "a subscription": (Load(requests=1, posts=1, subscriptions=1), True),
    "a POST beside a subscription": (Load(requests=2, posts=2, subscriptions=1), False),
    "an answer that goes over another stream": (Load(requests=1, waiting=1), False),
}


@pytest.mark.parametrize("name", LOADS)
def test_the_bridge_is_drained_when_no_client_waits_for_an_answer(name: str) -> None:
    """Whoever only listens is not waited for."""
    load, is_drained = LOADS[name]

    assert load.is_drained is is_drained


def test_a_drained_bridge_is_waited_for_until_no_request_can_be_on_its_way() -> None:
    """From the moment on at which it was drained."""
    draining = Draining(100, within=20)

    assert draining.seconds_left(100, is_reached=True) == LINGER_SECONDS
    assert draining.seconds_left(100.25, is_reached=True) == LINGER_SECONDS - 0.25
    assert draining.seconds_left(100 + LINGER_SECONDS, is_reached=True) == 0


def test_a_request_that_comes_begins_the_wait_anew() -> None:
    """However long the bridge was drained before, and however long it was not."""
    draining = Draining(100, within=20)
    draining.seconds_left(100, is_reached=True)
    assert draining.seconds_left(100.25, is_reached=False) == 19.75

    assert draining.seconds_left(110, is_reached=True) == LINGER_SECONDS


def test_a_wait_lasts_for_its_pause_at_least() -> None:
    """A load balancer may send requests for so long."""
    draining = Draining(100, within=20, pause=5)

    assert draining.seconds_left(100, is_reached=True) == 5
    assert draining.seconds_left(104.9, is_reached=False) == pytest.approx(15.1)
    assert draining.seconds_left(104.9, is_reached=True) == pytest.approx(LINGER_SECONDS)


def test_a_wait_ends_when_its_time_is_over() -> None:
    """Drained or not."""
    draining = Draining(100, within=20)

    assert draining.seconds_left(119, is_reached=False) == 1
    assert draining.seconds_left(119.75, is_reached=True) == 0.25
    assert draining.seconds_left(120, is_reached=False) == 0
    assert Draining(100, within=0).seconds_left(100, is_reached=True) == 0


def test_without_clients_nothing_is_on_its_way() -> None:
    """The pause holds even then."""
    assert Draining(100, within=20).seconds_left(100, is_reached=True, has_clients=False) == 0
    paused = Draining(100, within=20, pause=5)
    assert paused.seconds_left(100, is_reached=True, has_clients=False) == 5


async def test_each_change_is_a_reason_to_check_again() -> None:
    """Every wait has its own end; none looks before something changes."""
    changes, looks, left = Changes(), {"a": 0, "b": 0}, {"a": 9.0, "b": 9.0}

    async def wait(name: str) -> None:
        def seconds_left(_now: float) -> float:
            looks[name] += 1
            return left[name]

        await changes.until_over(seconds_left)

    first, second = asyncio.create_task(wait("a")), asyncio.create_task(wait("b"))
    await settle()
    assert looks == {"a": 1, "b": 1}

    changes.report()
    left["a"] = 0
    await settle()
    assert (looks, first.done(), second.done()) == ({"a": 2, "b": 2}, True, False)

    left["b"] = 0
    changes.report()
    changes.report()
    await second
    assert looks == {"a": 2, "b": 3}


async def settle() -> None:
    """Let every task go on as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)
