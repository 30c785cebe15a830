"""
What the troubleshooting page says of the animals: a row for each kind of misbehaviour.

A row's message is what the probe says of its first animal.
"""

from collections.abc import Mapping

from tests.support.isolation_matrix import build_table as join_table
from tests.support.zoo import rows_of_http, rows_of_mcp
from tests.support.zoo.row import Row

TITLE = "What servers do that are not verified"
HEAD = ("What the server does", "Reason", "What the message says", "What to do")


ROWS: tuple[Row, ...] = (*rows_of_http.ROWS, *rows_of_mcp.ROWS)


def build_table(messages: Mapping[str, str]) -> str:
    """The page's table; *messages* are what the probe says, by animal."""
    rows = [
        (row.does, f"`{row.result}`", f"`{messages[row.animals[0]]}`", row.remedy) for row in ROWS
    ]
    return join_table(HEAD, rows)


#: Those that are verified all the same.
PASSING = (
    "tame-modern",
    "tame-legacy",
    "tame-sse",
    "tls",
    "delete-hangs",
    "odd-name",
    "many-words",
    "strict-accept",
    "strict-method",
    "asks-first",
    "odd-session-id",
    "surrogates",
    "session-on-discover",
    "fails-on-discover",
    "closes-on-discover",
    "old-version",
    "unknown-version",
    "no-server-info",
    "members-of-other-types",
    "keeps-sessions",
    "fails-on-delete",
    "modern-of-another-version",
    "modern-of-later-versions",
    "same-tools",
    "long-tools",
    "deep-tools",
    "endless-pages",
)
