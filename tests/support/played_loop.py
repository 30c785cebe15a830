"""An event loop whose time is played: it passes only while all tasks wait, and then at once."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


class _Selector(selectors.SelectSelector):
    """Lets time pass in place of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; nothing outside of the process may be waited for."""
        if timeout is None:
            raise AssertionError("all tasks wait for what will never come")
        self.now += timeout
        return super().select(0)


class PlayedLoop(asyncio.SelectorEventLoop):
    """A loop that is as fast as its tasks compute, however long they wait."""

    def __init__(self) -> None:
        self._played = _Selector()
        super().__init__(self._played)

    def time(self) -> float:
        """The seconds that have been waited."""
        return self._played.now


def played(work: Callable[P, Coroutine[Any, Any, ResultT]]) -> Callable[P, ResultT]:
    """Do *work* in played time, and return what it returns."""

    @wraps(work)
    def play(*args: P.args, **kwargs: P.kwargs) -> ResultT:
        with asyncio.Runner(loop_factory=PlayedLoop) as runner:
            return runner.run(work(*args, **kwargs))

    return play


def now() -> float:
    """The played time, as a clock of it."""
    return asyncio.get_running_loop().time()


async def pass_seconds(seconds: float) -> None:
    """Let time pass; unlike `asyncio.sleep`, unit tests may call it."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(seconds, over.set_result, None)
    await over
