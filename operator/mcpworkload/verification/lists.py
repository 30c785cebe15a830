"""The lists that a server offers: read page by page, as far as budget and time allow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

import msgspec

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message, Raw
from mcpworkload.verification import tools
from mcpworkload.verification.answer import Answer
from mcpworkload.verification.failures import Failed, OverBudget
from mcpworkload.verification.finding import Result, Server, ToolList
from mcpworkload.verification.identity import offers
from mcpworkload.verification.verdicts import AUTH_STATUSES, check_accepted

#: A page costs half a millisecond of CPU time or more; servers have some, or make no end of them.
MAX_PAGES: Final = 64
MAX_CURSOR_BYTES: Final = 4096
_array = msgspec.json.Decoder(list[Raw])


class Pages(Protocol):
    """What answers requests for pages."""

    async def page(self, method: str, cursor: str | None) -> Answer:
        """Return the answer to a request for a page."""
        ...


class Lists:
    """What is known of the lists of one server so far; it can be asked at any time."""

    def __init__(self, server: Server, result: Message) -> None:
        self._server = server
        self._wants = [name for name in ("tools", "prompts", "resources") if offers(result, name)]
        self._tools: list[tools.Written] = []
        self._counts: dict[str, int] = {}
        #: The lists that were read to their end.
        self._whole: set[str] = set()
        self._has_tools = "tools" not in self._wants

    @property
    def is_enough(self) -> bool:
        """Whether the server has answered for its tools, be it with a part of them."""
        return self._has_tools

    def server(self) -> Server:
        """Return who was asked, with the lists as far as they are known."""
        return replace(
            self._server,
            tools=self._tool_list(),
            prompts=self._counts.get("prompts"),
            resources=self._counts.get("resources"),
        )

    async def read(self, pages: Pages) -> None:
        """
        Read what the server declares.

        Raises:
            Failed: it has tools, and does not list them.
        """
        if "tools" in self._wants:
            await self._read_list(pages, "tools", self._take_tools)
        for name in ("prompts", "resources"):
            if name in self._wants:
                await self._count(pages, name)

    def _tool_list(self) -> ToolList | None:
        if "tools" not in self._wants or not self._has_tools:
            return None
        return (tools.digest_tools if "tools" in self._whole else tools.unfinished)(self._tools)

    async def _count(self, pages: Pages, name: str) -> None:
        def take(part: Raw) -> None:
            self._counts[name] = self._counts.get(name, 0) + len(_array.decode(part))

        try:
            await self._read_list(pages, name, take)
        except Failed:
            self._counts.pop(name, None)

    def _take_tools(self, part: Raw) -> None:
        self._tools += tools.read_tools(part)
        self._has_tools = True

    async def _read_list(self, pages: Pages, name: str, take: Callable[[Raw], None]) -> None:
        method, cursor = f"{name}/list", None
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            try:
                answer = await pages.page(method, cursor)
            except OverBudget:
                self._has_tools = True
                return
            cursor = _take(answer, name, take)
            if not cursor:
                self._whole.add(name)
                return
            if cursor in seen:
                words = "was answered with a cursor that leads back to a page before"
                raise Failed(Result.PROTOCOL_ERROR, words)
            seen.add(cursor)


def _take(answer: Answer, name: str, take: Callable[[Raw], None]) -> str | None:
    """Take what a page has; return the cursor of the next one."""
    if answer.message is None or answer.status in AUTH_STATUSES:
        check_accepted(answer)
    if (result := answer.result) is None or name not in result:
        raise Failed(Result.PROTOCOL_ERROR, f"was answered with {answer.words}")
    try:
        take(result[name])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        words = f"was answered with a result whose {name} are no list of objects"
        raise Failed(Result.PROTOCOL_ERROR, words) from None
    return _cursor(result.get("nextCursor"))


def _cursor(part: Raw | None) -> str | None:
    found = jsonrpc.text(part)
    if found is not None and len(found) > MAX_CURSOR_BYTES:
        raise Failed(
            Result.PROTOCOL_ERROR, f"was answered with a cursor of {len(found)} characters"
        )
    return found
