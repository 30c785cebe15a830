"""The headers that let the operator's questions in, read from Secrets and kept while those last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mcpworkload.controller.reference_cache import References
from mcpworkload.controller.references import Absence, Content, Found, ObjectId
from mcpworkload.verification.target import is_header


@dataclass(frozen=True)
class Headers:
    """The headers to send, and why there are not all."""

    #: By name; never shown.
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Which Secrets they do not come from, and why; empty where all were read.
    missing: str = ""


#: A message names so many keys that are no headers.
_MOST_NAMED: Final = 3

NO_HEADERS: Final = Headers()


class HeaderCache:
    """Reads the headers of each workload once for every change of its Secrets."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._known: dict[str, tuple[Mapping[ObjectId, Found], Headers]] = {}

    async def read(self, key: str, found: Mapping[ObjectId, Found]) -> Headers:
        """
        Return the headers in *found*, the Secrets of which the workload's spec takes them.

        Raises:
            ApiError: the API server does not answer; worth a retry.
        """
        if not found:
            self.forget(key)
            return NO_HEADERS
        known = self._known.get(key)
        if known is None or known[0] != found:
            known = self._known[key] = found, await self._read(key, found)
        return known[1]

    def forget(self, key: str) -> None:
        """Drop the headers of a workload."""
        self._known.pop(key, None)

    async def _read(self, key: str, found: Mapping[ObjectId, Found]) -> Headers:
        values: dict[str, str] = {}
        missing = [reason for each, content in found.items() if (reason := _explain(each, content))]
        for each, content in found.items():
            if isinstance(content, Content):
                texts = await self._references.values_of(key, each)
                # A line break at the end of a value is how files end, and no part of a header.
                good = {name: texts.get(name, "").strip() for name in content.digests}
                bad = sorted(name for name, value in good.items() if not is_header(name, value))
                values |= {name: value for name, value in good.items() if name not in bad}
                missing += [f"{name} of {each} is no header" for name in bad[:_MOST_NAMED]]
        return Headers(values, "; ".join(missing))


def _explain(secret: ObjectId, content: Found) -> str:
    if content is Absence.UNREADABLE:
        return f"the operator is not allowed to read {secret}"
    return f"there is no {secret}" if content is Absence.MISSING else ""
