"""A wait goes on whatever happens to its watch, and asks for nothing that it need not."""

import asyncio

import pytest

from mcpworkload.runtime import RightsMissing, RuntimeUnavailable, watching
from mcpworkload.runtime.watching import Body, until
from tests.support.fake_api import FakeApi, knows, make_expired, make_item

PATH = "/apis/mcpworkload.dev/v1alpha1/namespaces/team/mcpworkloads"


def changed(version: int, kind: str = "MODIFIED") -> dict[str, object]:
    """One line of a watch."""
    return {"type": kind, "object": make_item(version)}


async def wait(api: FakeApi, version: int) -> None:
    """Wait for that version of the object."""
    async with api.open() as connection:
        await until(connection, PATH, {}, knows("weather", version), Body)


async def test_what_holds_already_takes_one_request() -> None:
    """No watch is begun for it."""
    api = FakeApi([[make_item(10)]])
    await wait(api, 10)

    assert api.requests == ["LIST"]


async def test_a_watch_that_ends_is_resumed_where_it_stood() -> None:
    """The original did not take up a watch again; bookmarks count as well."""
    api = FakeApi([[]], [[changed(11, "ADDED"), changed(15, "BOOKMARK")], [changed(20)]])
    await wait(api, 20)

    assert api.requests == ["LIST", "WATCH 10", "WATCH 15"]


async def test_an_expired_watch_is_begun_anew() -> None:
    """From a fresh list, which has what was missed."""
    api = FakeApi([[], [make_item(30)]], [[make_expired()], []])
    await wait(api, 30)

    assert api.requests == ["LIST", "WATCH 10", "LIST"]


async def test_an_api_server_that_goes_away_is_waited_for() -> None:
    """Its connection breaks, it has forgotten what was before, and answers 503 for a while."""
    api = FakeApi([[], 503, [make_item(40)]], [[changed(11), None], [make_expired()], []])
    await wait(api, 40)

    assert api.requests == ["LIST", "WATCH 10", "WATCH 11", "LIST", "LIST"]


async def test_an_api_server_that_has_just_started_may_know_no_rights_yet() -> None:
    """It answers 403 until it has read the Roles."""
    api = FakeApi([[], 403, [make_item(40)]], [[make_expired()], []])
    await wait(api, 40)

    assert api.requests == ["LIST", "WATCH 10", "LIST", "LIST"]


async def test_rights_that_stay_away_end_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence would look like health."""
    monkeypatch.setattr(watching, "_RIGHTS_SECONDS", 0.3)
    api = FakeApi([[], *[403] * 9], [[make_expired()]])
    with pytest.raises(RightsMissing):
        await wait(api, 40)


async def test_an_api_server_that_refuses_an_expired_watch_is_listed_anew() -> None:
    """410 may come as the answer itself, and not within one."""
    api = FakeApi([[], [make_item(30)]], [410, []])
    await wait(api, 30)

    assert api.requests == ["LIST", "WATCH 10", "LIST"]


async def test_an_api_server_that_never_answered_is_an_error_at_once() -> None:
    """There is nothing to resume."""
    with pytest.raises(RuntimeUnavailable, match="away"):
        await wait(FakeApi([503]), 1)


async def test_a_line_may_be_of_any_length() -> None:
    """Objects are larger than the buffers of an HTTP client."""
    large = {"type": "MODIFIED", "object": make_item(50, data="x" * 3_000_000)}
    api = FakeApi([[]], [[large]])
    await wait(api, 50)

    assert api.requests == ["LIST", "WATCH 10"]


async def test_a_cancelled_wait_leaves_no_task_and_no_connection() -> None:
    """Only the server's own are left, and go with it."""
    api, before = FakeApi([[]], [[]]), asyncio.all_tasks()
    waiting = asyncio.create_task(wait(api, 1))
    await api.is_open.wait()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert asyncio.all_tasks() == before
