"""Reads the lists of a server: its tools, and how many prompts and resources it has."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from mcpworkload.bridge import introduction
from mcpworkload.bridge.own_requests import ask
from mcpworkload.bridge.peer import Peer
from mcpworkload.protocol.jsonrpc import Raw
from mcpworkload.protocol.members import size

#: All lists of a server together may take so long.
LIST_SECONDS = 8.0
MAX_PAGES = 200
#: No page is asked for after so much of one list.
MAX_BYTES = 1_000_000
#: What is kept of the tools: with what a server says of itself in both eras, less than 1 MB.
TOOLS_BYTES = MAX_BYTES - 2 * introduction.KEPT_BYTES - 1024
#: A larger page is not opened.
MAX_PAGE_BYTES = 4 * 1024 * 1024
MAX_CURSOR_CHARACTERS = 4096


class NoLists(Exception):
    """A server did not answer; *is_silent* if it runs. The message has what it was asked."""

    def __init__(self, reason: str, *, is_silent: bool = False) -> None:
        super().__init__(reason)
        self.is_silent = is_silent


@dataclass(frozen=True)
class Lists:
    """The lists of a server; None for one that it does not have or refuses."""

    #: A JSON array of the tools as they came.
    tools: Raw | None = None
    prompts: int | None = None
    resources: int | None = None
    #: Whether there are tools that are not in `tools`, or may be.
    is_truncated: bool = False


class _Page(msgspec.Struct):
    tools: list[Raw] | None = None
    prompts: list[Raw] | None = None
    resources: list[Raw] | None = None
    nextCursor: str | None = None  # noqa: N815 - as the protocol writes it


_pages = msgspec.json.Decoder(_Page)

#: Takes the items of a page; returns whether it takes more.
_Take = Callable[[list[Raw]], bool]


class _Refused(Exception):
    """The server answered with an error, or with something else."""


async def read_lists(
    peer: Peer,
    said: Raw | None,
    meta: Mapping[str, object] | None = None,
    within: float = LIST_SECONDS,
) -> Lists:
    """
    Return the lists that the server has which *said* this of itself.

    *meta* is what a request says of itself where it stands alone.

    Raises:
        NoLists: it has not answered *within* so many seconds, or it ended.
    """
    reader = _Reader(peer, {} if meta is None else {"_meta": meta}, within)
    offered = introduction.lists(said)
    tools, is_whole = await reader.tools() if "tools" in offered else (None, True)
    return Lists(
        tools,
        await reader.count("prompts") if "prompts" in offered else None,
        await reader.count("resources") if "resources" in offered else None,
        is_truncated=not is_whole,
    )


class _Reader:
    """Asks one server for its lists, until its time is over."""

    def __init__(self, peer: Peer, params: Mapping[str, object], within: float) -> None:
        self._peer, self._params, self._within = peer, params, within
        self._last = asyncio.get_running_loop().time() + within

    async def tools(self) -> tuple[Raw | None, bool]:
        """Return as many of the tools as may be kept, and whether these are all."""
        parts: list[bytes] = []
        left = TOOLS_BYTES

        def take(items: list[Raw]) -> bool:
            nonlocal left
            for item in items:
                left -= size(item) + 1
                if left < 0:
                    return False
                parts.append(bytes(item))
            return True

        try:
            is_whole = await self._read("tools", take)
        except _Refused:
            return None, False
        return Raw(b"[" + b",".join(parts) + b"]"), is_whole

    async def count(self, kind: str) -> int | None:
        """Return how many there are, of those that may be read."""
        count = 0

        def take(items: list[Raw]) -> bool:
            nonlocal count
            count += len(items)
            return True

        try:
            await self._read(kind, take)
        except _Refused:
            return None
        return count

    async def _read(self, kind: str, take: _Take) -> bool:
        """
        Pass the items of each page to *take*; return whether these were all.

        Raises:
            _Refused, NoLists: as the first page was answered, or a later one.
        """
        cursors: set[str] = set()
        params, taken = dict(self._params), 0
        for _ in range(MAX_PAGES):
            result = await self._page(kind, params)
            taken += size(result)
            if size(result) > MAX_PAGE_BYTES:
                return False
            items, cursor = _opened(result, kind)
            if not take(items):
                return False
            # Some servers end a list with an empty cursor.
            if not cursor:
                return True
            is_cycle = cursor in cursors
            if is_cycle or taken > MAX_BYTES or len(cursor) > MAX_CURSOR_CHARACTERS:
                return False
            cursors.add(cursor)
            params["cursor"] = cursor
        return False

    async def _page(self, kind: str, params: Mapping[str, object]) -> Raw:
        method, loop = f"{kind}/list", asyncio.get_running_loop()
        left = self._last - loop.time()
        answer = None
        if left > 0:
            answer = await ask(self._peer, method, params, left, cancels=True)
        if answer is None:
            if (end := self._peer.end_state) is not None:
                raise NoLists(f"{end} before it answered {method}")
            text = f"the server does not answer {method} within {self._within:g} s"
            raise NoLists(text, is_silent=True)
        if "result" not in answer:
            raise _Refused
        return answer["result"]


def _opened(result: Raw, kind: str) -> tuple[list[Raw], str | None]:
    """
    Return the items of a page, and the cursor of the next one.

    Raises:
        _Refused: it is no page of *kind*.
    """
    try:
        page = _pages.decode(result)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _Refused from None
    items: list[Raw] | None = getattr(page, kind)
    if items is None:
        raise _Refused
    return items, page.nextCursor
