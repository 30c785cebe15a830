"""
What an answer to a handshake means: the table of requirement M1, without I/O.

No single error code decides that a server is of the older era: whatever is no answer of the newer
one leads to `initialize`, except what would answer that just the same.
"""

import re
from typing import Final, NoReturn

from mcpworkload.protocol import jsonrpc
from mcpworkload.verification.answer import Answer
from mcpworkload.verification.failures import Failed, Refused
from mcpworkload.verification.finding import Result, Server
from mcpworkload.verification.identity import has_modern, modern_server, supported

#: Errors that only a server of the newer era answers with.
_MODERN_ERRORS: Final = frozenset(
    (
        jsonrpc.UNSUPPORTED_PROTOCOL_VERSION,
        jsonrpc.MISSING_CAPABILITY,
        jsonrpc.HEADER_MISMATCH,
    )
)
#: What a server answers that wants to know who asks.
AUTH_STATUSES: Final = (401, 403)
#: What a proxy answers whose server does not.
PROXY_STATUSES: Final = frozenset((502, 503, 504))
_HOST: Final = re.compile(rb"\bhost\b", re.IGNORECASE)


def discovered(answer: Answer) -> Server:
    """
    Return who answered `server/discover`.

    Raises:
        Refused: it may be a server of the older era.
        Failed: it is none of either.
    """
    if (code := answer.error_code) in _MODERN_ERRORS:
        return _from_error(answer, code)
    if (result := answer.result) is not None and answer.status < 300:
        versions = supported(result.get("supportedVersions"))
        if has_modern(versions):
            return modern_server(result)
        raise Refused(Result.PROTOCOL_ERROR, _answered(answer), answer=answer)
    _check(answer)
    raise Refused(_kind(answer), _answered(answer), answer=answer)


def check_initialized(answer: Answer) -> None:
    """
    Return if *answer* is the result of `initialize`.

    Raises:
        Refused: it may be a server of the newer era.
        Failed: it is none of either.
    """
    if answer.result is not None and answer.status < 300:
        return
    _check(answer)
    raise Refused(_kind(answer), _answered(answer), answer=answer)


def check_stream(answer: Answer) -> NoReturn:
    """
    Raise what *answer* means, which is no stream of events.

    Raises:
        Refused: there may be a server of another transport.
        Failed: there is none.
    """
    _check(answer)
    raise Refused(Result.NOT_MCP, _answered(answer), answer=answer)


def check_accepted(answer: Answer) -> None:
    """
    Return if *answer* to a notification or to a request within a session is no refusal.

    Raises:
        Failed: it is one.
    """
    if answer.status in AUTH_STATUSES:
        raise Failed(Result.AUTH_REQUIRED, _answered(answer), answer=answer)
    if answer.status >= 300:
        raise Failed(Result.PROTOCOL_ERROR, _answered(answer), answer=answer)


def welcome(answer: Answer, server: Server) -> str:
    """Return what a step that found *server* shows."""
    version = server.protocol_version or ", ".join(server.supported_versions) or "another version"
    return f"{answer.status}, an MCP server of {version}"


def refuses_host(answer: Answer) -> bool:
    """Whether *answer* may be that of a server that goes by the Host header."""
    if answer.status == 421:
        return True
    return answer.status in (400, 403) and _HOST.search(answer.body) is not None


def is_page(answer: Answer) -> bool:
    """Whether *answer* is a page for people."""
    return answer.content_type in ("text/html", "application/xhtml+xml")


def _check(answer: Answer) -> None:
    """Raise Failed where another handshake would be answered in the same way."""
    if answer.status in AUTH_STATUSES and not refuses_host(answer):
        raise Failed(Result.AUTH_REQUIRED, _answered(answer), answer=answer)
    has_other = answer.message is not None
    if answer.status in (403, 421) or 300 <= answer.status < 400:
        raise Failed(Result.NOT_MCP, _answered(answer), answer=answer)
    if answer.status in PROXY_STATUSES and not has_other:
        raise Failed(Result.NOT_MCP, _answered(answer), answer=answer)
    if answer.status < 300 and is_page(answer):
        raise Failed(Result.NOT_MCP, _answered(answer), answer=answer)


def _kind(answer: Answer) -> Result:
    # JSON may be that of any server; what it says of JSON-RPC makes it one of MCP that errs.
    is_rpc = answer.message is not None or (
        answer.fault and (not answer.body or b'"jsonrpc"' in answer.body)
    )
    return Result.PROTOCOL_ERROR if is_rpc else Result.NOT_MCP


def _answered(answer: Answer) -> str:
    return f"was answered with {answer.words}"


def _from_error(answer: Answer, code: int | None) -> Server:
    message = answer.message or {}
    data = jsonrpc.members(jsonrpc.members(message.get("error")).get("data"))
    versions = supported(data.get("supported"))
    if code == jsonrpc.UNSUPPORTED_PROTOCOL_VERSION and versions and not has_modern(versions):
        raise Refused(Result.PROTOCOL_ERROR, _answered(answer), answer=answer)
    return Server(era="modern", supported_versions=versions)
