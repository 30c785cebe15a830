"""
Names of members that a lenient reader takes for known names.

Go's encoding/json matches names in any case, some readers take ``progress_token`` for
``progressToken``, and one written in C ends a name at its first NUL. What such a reader takes for
the id or token of a request has to be what was written for it.
"""

import functools
import unicodedata
from collections.abc import Iterable

#: All names of the protocol's own metadata begin so.
PREFIX = "io.modelcontextprotocol/"
#: Longer ones are no known names, however they are read.
_LONGEST = 64


#: All others that have no decomposition stand for nothing in ASCII.
_CASED = frozenset("\u0131\u00df\u1e9e")


#: More than there are that stand for something in ASCII, or for nothing: about two thousand.
@functools.lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character).casefold().replace("\u0131", "i")
    return "".join(filter(str.isalnum, plain))


def folded(name: str) -> str:
    """Return *name* as the most lenient reader compares it; empty where it can be no known one."""
    name = name.partition("\0")[0]
    if len(name) > _LONGEST:
        return ""
    if name.isascii():
        return "".join(filter(str.isalnum, name.lower()))
    found = ""
    for character in name:
        if not (unicodedata.decomposition(character) or character.isascii() or character in _CASED):
            if character.isalnum():
                return ""
            continue
        # One character can stand for eighteen others; known names are all in ASCII.
        if not (plain := _plain(character)).isascii():
            return ""
        found += plain
    return found


class Known:
    """Some names, and what else could be taken for one of them."""

    def __init__(self, exact: Iterable[str], *, prefix: str = "") -> None:
        self.exact = frozenset(exact)
        self._prefix = prefix
        self._folded_prefix = folded(prefix)
        self._folded = {folded(name): name for name in self.exact}
        self.meant_by = functools.lru_cache(maxsize=1024)(self._meant_by)

    def _meant_by(self, name: str) -> str | None:
        """Return what *name*, which is not one of `exact`, could be taken for."""
        plain = folded(name)
        if plain in self._folded:
            return self._folded[plain]
        if not self._prefix or name.startswith(self._prefix):
            return None
        # The prefix ends at the slash: a longer one before it belongs to another vendor.
        is_near = folded(name.partition("/")[0]) == self._folded_prefix
        return self._prefix if is_near else None
