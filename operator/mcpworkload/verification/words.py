"""What servers say, made fit to be shown: printable, and no longer than stated."""

import re

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")


def cut(text: str, limit: int) -> str:
    """Return *text* with at most *limit* characters, and `?` for those that cannot be shown."""
    text = text[:limit]
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "?" for each in text)


def is_version(text: str) -> bool:
    """Whether *text* has the shape of a version of MCP, which is a date."""
    return len(text) == 10 and text.isascii() and _VERSION.fullmatch(text) is not None
