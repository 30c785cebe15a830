"""What kopf keeps of the workloads that it shows us."""

import inspect

import kopf

from mcpworkload.controller.handlers import NoMemories, build_settings
from tests.support.parsed import make_body


async def test_kopf_keeps_nothing_of_an_object() -> None:
    """It would keep two kilobytes of each, for ever; that it takes our container is its own API."""
    memories = NoMemories()

    first = await memories.recall(make_body(), noticed_by_listing=True, memobase={})
    second = await memories.recall(make_body(), memobase={})

    assert first is not second
    assert first.noticed_by_listing
    assert not list(memories.iter_all_memories())
    assert not list(memories.iter_all_daemon_memories())
    await memories.forget(make_body())
    assert "memories" in inspect.signature(kopf.operator).parameters


def test_kopf_ends_the_task_of_an_idle_object_soon_but_not_before_it_began() -> None:
    """With no pause at all, kopf would never take the first event from the object's queue."""
    assert 0 < build_settings().queueing.idle_timeout < 0.1
