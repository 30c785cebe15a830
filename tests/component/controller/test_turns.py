"""Whose turn it is."""

import asyncio

import pytest

from mcpworkload.controller.turns import Turns


async def take(turns: Turns[str], number: int) -> list[str]:
    """So many things whose turn it is."""
    return [(await turns.take())[0] for _ in range(number)]


async def test_urgent_things_go_first() -> None:
    """And equal ones in their order."""
    turns = Turns[str](9)
    for name in ("late", "later"):
        turns.add(name, "a", is_urgent=False)
    turns.add("soon", "a", is_urgent=True)

    assert await take(turns, 3) == ["soon", "late", "later"]


async def test_a_namespace_takes_no_more_than_its_share() -> None:
    """What is beyond it waits, while others have their turn, and loses no place."""
    turns = Turns[str](2)
    for number in range(4):
        turns.add(f"a{number}", "a", is_urgent=True)
    turns.add("b0", "b", is_urgent=False)

    assert await take(turns, 3) == ["a0", "a1", "b0"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(turns.take(), 0.05)
    turns.leave("a")
    assert await take(turns, 1) == ["a2"]
    turns.leave("a")
    turns.leave("a")
    assert await take(turns, 1) == ["a3"]
