"""What an answer to a handshake means, by requirement M1."""

from typing import Any

import pytest

from mcpworkload.protocol import jsonrpc
from mcpworkload.verification.answer import Answer
from mcpworkload.verification.failures import Failed, Refused
from mcpworkload.verification.finding import Result
from mcpworkload.verification.verdicts import check_initialized, discovered

MODERN = {"supportedVersions": ["2026-07-28"], "capabilities": {}}
PAGE = b"<html>hello</html>"


def rpc(status: int = 200, **members: Any) -> Answer:
    """An answer in JSON-RPC."""
    parts = {"jsonrpc": "2.0", "id": 1, **members}
    message = {name: jsonrpc.raw(what) for name, what in parts.items()}
    return Answer(status, {}, "application/json", message)


def error(code: int, status: int = 200, data: object = None) -> Answer:
    """An answer with an error."""
    return rpc(status, error={"code": code, "message": "no", "data": data})


def http(status: int, body: bytes = b"", kind: str = "text/plain") -> Answer:
    """An answer that is no JSON-RPC."""
    return Answer(status, {}, kind, None, "", body)


def faulty(status: int = 200) -> Answer:
    """An answer in JSON that is not the response."""
    return Answer(status, {}, "application/json", None, "a message with another id")


@pytest.mark.parametrize(
    "answer",
    [
        rpc(result=MODERN),
        rpc(result={"supportedVersions": ["2027-01-01"]}),
        error(-32022, 400, {"supported": ["2027-01-01"], "requested": "2026-07-28"}),
        error(-32022, 400),
        error(-32021),
        error(-32020, 400),
    ],
)
def test_these_are_modern(answer: Answer) -> None:
    """A result that names a version of the newer era, or an error that only it knows."""
    assert discovered(answer).era == "modern"


@pytest.mark.parametrize(
    "answer",
    [
        error(-32601),
        error(-32601, 404),
        error(-32600, 400),
        error(-32000, 400),
        error(-32603, 500),
        error(-32603, 503),
        error(-32022, 400, {"supported": ["2025-11-25"]}),
        rpc(result={}),
        rpc(result={"supportedVersions": ["2025-11-25"]}),
        rpc(result={"supportedVersions": "2026-07-28"}),
        faulty(),
        http(400),
        http(400, b"invalid host header"),
        http(404),
        http(404, PAGE, "text/html"),
        http(405),
        http(406),
        http(415),
        http(422),
        http(500),
        http(501),
        http(202),
        http(204),
    ],
)
def test_these_lead_to_the_older_handshake(answer: Answer) -> None:
    """No single code decides: whatever the newer era does not answer may be the older one."""
    with pytest.raises(Refused):
        discovered(answer)


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (http(401), Result.AUTH_REQUIRED),
        (http(403), Result.AUTH_REQUIRED),
        (error(-32001, 401), Result.AUTH_REQUIRED),
        (http(403, b"Host not allowed"), Result.NOT_MCP),
        (http(403, b"set by the localhost"), Result.AUTH_REQUIRED),
        (http(421), Result.NOT_MCP),
        (http(301), Result.NOT_MCP),
        (http(307), Result.NOT_MCP),
        (http(502, PAGE, "text/html"), Result.NOT_MCP),
        (http(503), Result.NOT_MCP),
        (http(504), Result.NOT_MCP),
        (http(200, PAGE, "text/html"), Result.NOT_MCP),
    ],
)
def test_these_end_it(answer: Answer, result: Result) -> None:
    """Another handshake would be answered just the same, whichever was first."""
    for check in (discovered, check_initialized):
        with pytest.raises(Failed) as caught:
            check(answer)
        assert not isinstance(caught.value, Refused)
        assert caught.value.result is result


@pytest.mark.parametrize(
    ("answer", "result", "words"),
    [
        (http(404), Result.NOT_MCP, "was answered with 404"),
        (http(200), Result.NOT_MCP, "was answered with 200, text/plain"),
        (error(-32602), Result.PROTOCOL_ERROR, "was answered with 200, error -32602"),
        (rpc(400, result={}), Result.PROTOCOL_ERROR, "was answered with 400, a result"),
        (faulty(), Result.PROTOCOL_ERROR, "was answered with 200, a message with another id"),
    ],
)
def test_a_refused_initialize_says_why(answer: Answer, result: Result, words: str) -> None:
    """What speaks JSON-RPC is told from what does not."""
    with pytest.raises(Refused) as caught:
        check_initialized(answer)
    assert (caught.value.result, caught.value.words) == (result, words)
