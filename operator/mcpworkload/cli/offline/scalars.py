"""Pure: the value of a plain word of YAML in kubectl, which reads YAML 1.1 with exceptions."""

import base64
import binascii
import re
from typing import Final

Scalar = bool | int | float | str | None

PREFIX: Final = "tag:yaml.org,2002:"
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE"), True),
    **dict.fromkeys(("on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE"), False),
    **dict.fromkeys(("off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{word: float("nan") for word in (".nan", ".NaN", ".NAN")},
    **{sign + word: float("inf") for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{word: float("-inf") for word in ("-.inf", "-.Inf", "-.INF")},
}
# 0o17 and 017 are octal; 08, 12:30:00 and dates are no integers.
_INTEGER = re.compile(
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)"
    r"|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASES: Final = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TIME = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?", re.ASCII)
_NAMES: Final = {bool: "bool", int: "int", float: "float", type(None): "null", str: "str"}


def plain(word: str) -> Scalar:
    """Return the value of *word* without quotes and without a tag."""
    if word in _WORDS:
        return _WORDS[word]
    # Times stay text, and so do numbers of base 60; both are numbers to YAML 1.1 proper.
    if word[0] not in "+-.0123456789" or _TIME.fullmatch(word):
        return word
    digits = word.replace("_", "")
    if (number := _integer(digits)) is not None:
        return number
    if _FLOAT.fullmatch(digits) and abs(found := float(digits)) != float("inf"):
        return found
    return word


def tagged(tag: str, word: str) -> Scalar:
    """
    Return the value of *word* under an explicit *tag*.

    Raises:
        ValueError: it is nothing of that kind.
    """
    kind = tag.removeprefix(PREFIX)
    if kind == "binary":
        try:
            return base64.b64decode(word, validate=True).decode("utf-8", "replace")
        except binascii.Error:
            raise ValueError("!!binary holds no base64") from None
    if kind not in ("bool", "int", "float", "null", "timestamp"):
        return word
    found = plain(word)
    actual = "timestamp" if _TIME.fullmatch(word) else _NAMES[type(found)]
    if kind == "float" and actual == "int":
        return found
    if actual != kind:
        raise ValueError(f"!!{kind} stands before {word!r}")
    return found


def _integer(digits: str) -> int | None:
    match = _INTEGER.fullmatch(digits)
    if match is None:
        return None
    base = next(name for name in _BASES if match[name] is not None)
    number = int(match["sign"] + match[base], _BASES[base])
    least = -(2**63)
    return number if least <= number < (2**63 if match["sign"] else 2**64) else None
