"""Watch one collection; the caller decides what to keep of it."""

import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from mcpworkload.kube.errors import ApiError, Gone, Interrupted
from mcpworkload.kube.objects import Partial, WatchEvent

ItemT = TypeVar("ItemT")

BACKOFF_SECONDS = (0.2, 30.0)
# A watch that ends after this has not failed: some proxies cut off connections that are quiet.
STEADY_SECONDS = 10.0

#: Opens a watch with these parameters: its lines, which break with an error of the opener's.
OpenLines = Callable[[Mapping[str, str]], AbstractAsyncContextManager[AsyncIterator[bytes]]]


def pause_after(failures: int) -> float:
    """Return how many seconds to wait after that many failures in a row."""
    low, high = BACKOFF_SECONDS
    longest: float = min(high, low * 2 ** min(failures, 20))
    return longest * random.uniform(0.5, 1)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Change(Generic[ItemT]):
    """One step of a watch."""

    #: ADDED, MODIFIED or DELETED with the object; BEGUN, once the API server has accepted the
    #: watch, and BOOKMARK without one.
    type: str
    item: ItemT | None = None


def _version_of(item: Any) -> int:
    version: int = item.metadata.version
    return version


class Watch(Generic[ItemT]):
    """
    The watches of one collection, and the version from which the next one goes on.

    Each call of `changes` is one request. The caller decides what follows when it ends or fails:
    the next call, which goes on at `version`, or a new list and `resume`.
    """

    def __init__(
        self,
        open_lines: OpenLines,
        decode: Callable[[msgspec.Raw], ItemT],
        selector: Mapping[str, str],
        *,
        plural: str,
        version_of: Callable[[ItemT], int] = _version_of,
        seconds: tuple[int, int] | None = None,
    ) -> None:
        self._open_lines = open_lines
        self._decode = decode
        self._version_of = version_of
        self._selector = dict(selector)
        self._plural = plural
        # For how long the API server keeps a watch open; its own choice, unless set.
        self._seconds = seconds
        self._decode_event = msgspec.json.Decoder(WatchEvent).decode
        #: The resource version to go on from; 0 when a list is due.
        self.version = 0
        #: The one that was reached before that.
        self.before = 0
        self._begun_at = 0.0

    def resume(self, version: int) -> None:
        """Go on from the *version* of a list."""
        self.version = version

    def expire(self) -> None:
        """Require a new list: changes may have been missed."""
        self.before = self.version or self.before
        self.version = 0

    def was_steady(self, error: Exception) -> bool:
        """Return whether *error* has ended a watch that had lasted: the next one may begin soon."""
        lasted = time.monotonic() - self._begun_at
        return isinstance(error, Interrupted) and lasted >= STEADY_SECONDS

    async def changes(self) -> AsyncGenerator[Change[ItemT]]:
        """
        Yield the changes from `version` on, until the API server ends the watch.

        Raises:
            Gone: the version has expired; a list is due.
            ApiError: the API server reports another failure within the watch.
        """
        async with self._open_lines(self._parameters()) as lines:
            self._begun_at = time.monotonic()
            yield Change("BEGUN")
            async for line in lines:
                event = self._decode_event(line)
                if event.type == "ERROR":
                    raise self._failure(event)
                if event.type == "BOOKMARK":
                    # An empty object but for its version: a Pod's has null where a pod has
                    # containers.
                    bookmark = msgspec.json.decode(event.object, type=Partial)
                    self.version = bookmark.metadata.version
                    yield Change("BOOKMARK")
                    continue
                item = self._decode(event.object)
                self.version = self._version_of(item)
                yield Change(event.type, item)

    def _parameters(self) -> dict[str, str]:
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            **self._selector,
            "resourceVersion": str(self.version),
        }
        if self._seconds is not None:
            # Spread, so that many watches do not end together.
            parameters["timeoutSeconds"] = str(random.randint(*self._seconds))  # noqa: S311
        return parameters

    def _failure(self, event: WatchEvent) -> ApiError:
        status = msgspec.json.decode(event.object)
        message = f"the watch of {self._plural} says: {status.get('message')}"
        if status.get("code") == 410:
            self.expire()
            return Gone(message)
        return ApiError(message)
