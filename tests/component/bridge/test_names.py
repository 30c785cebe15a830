"""What a lenient reader takes for one of our names, and what it gets to read."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.bridge.client_requests import ClientRequest
from mcpworkload.protocol.jsonrpc import NotJsonRpc, Raw
from mcpworkload.protocol.mailbox import Mailbox
from mcpworkload.protocol.sent import opened
from tests.support.bridges import JSON_HEADERS, META, MODERN, PLAIN, SERVERS, Bridge, running

LENIENT = (*PLAIN[:-1], str(SERVERS / "lenient.py"))
START = '{"jsonrpc":"2.0","id":1,"method":"tools/call"'
NEAR_IN_ENVELOPE = ["ID", "Id", "\\u0049d", "METHOD", "Method", "PARAMS", "Result", "JSONRPC", "x"]
NEAR_IN_PARAMS = ["_META", "_Meta", "meta", "\\u005fMETA", "NAME", "Arguments", "_meta\\u0000",
                  "URI", "argument\\u017f"]  # fmt: skip
NEAR_IN_META = ["progresstoken", "progress_token", "ProgressToken", "progre\\u017fsToken",
                "progressTo\\u212aen", "IO.modelcontextprotocol/protocolVersion",
                "io.modelcontextprotocol/loglevel", "io.ModelContextProtocol/other",
                "progressToken\\u0000x", "io.modelContextProtocol/x/y"]  # fmt: skip

OTHERS = ["ids", "_m", "progress", "traceparent", "n", "io.x/logLevel", "", "requestId",
          "request_id", "requestid", "request-id", "io.modelcontextprotocol.ui/x",
          "IO.modelcontextprotocol2/x"]  # fmt: skip


def line_of(message: str) -> tuple[ClientRequest, str]:
    """Return the call that *message* becomes, and what a server gets to read."""
    sent = opened(message.encode())
    call = ClientRequest(7, sent, Mailbox())
    return call, call.outgoing(sent).decode()


@pytest.mark.parametrize("name", NEAR_IN_ENVELOPE)
def test_a_message_has_no_other_members(name: str) -> None:
    """Whatever their case, and however they are spelled."""
    with pytest.raises(NotJsonRpc, match="member") as raised:
        opened(f'{START},"{name}":2}}'.encode())

    assert raised.value.code == -32600


@pytest.mark.parametrize(
    ("shape", "name"),
    [('"params":{{"{}":2}}', name) for name in NEAR_IN_PARAMS]
    + [('"params":{{"_meta":{{"{}":2}}}}', name) for name in NEAR_IN_META],
)
def test_what_is_almost_a_name_of_ours_is_refused(shape: str, name: str) -> None:
    """With the request's own id, and the name that was meant."""
    with pytest.raises(NotJsonRpc, match="write") as raised:
        opened(f"{START},{shape.format(name)}}}".encode())

    assert (raised.value.code, bytes(raised.value.request_id or b"")) == (-32600, b"1")


@pytest.mark.parametrize("name", OTHERS)
def test_other_names_go_through(name: str) -> None:
    """Also where only we look."""
    _, line = line_of(f'{START},"params":{{"{name}":1,"_meta":{{"{name}":1.50}}}}}}')

    assert line.endswith(f'"params":{{"{name}":1,"_meta":{{"{name}":1.50}}}}}}')


@pytest.mark.parametrize(
    "message",
    [
        '{"id":5,"jsonrpc":"2.0","id":1,"method":"x","method":"tools/call"}',
        '{"jsonrpc":"2.0","\\u0069d":1,"method":"tools\\/call"}',
    ],
)
def test_names_are_written_once_and_as_they_are(message: str) -> None:
    """One who takes the first of two sees what one sees who takes the last."""
    assert line_of(message)[1] == '{"jsonrpc":"2.0","id":7,"method":"tools/call"}'


def test_a_token_in_either_of_two_is_ours() -> None:
    """Or it might be that of somebody else."""
    call, line = line_of(
        f'{START},"params":{{"_meta":{{"progressToken":3}},"a":1,'
        '"_meta":{"progressToken":4,"\\u0070rogressToken":5}}}'
    )

    assert line.endswith('"params":{"_meta":{"progressToken":7},"a":1}}')
    assert call.token == Raw(b"5")


def read(line: str, how: str) -> Any:
    """Return what a server reads that folds case, or takes the first or last of equal names."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            key = name.casefold() if how == "folds" else name
            if how != "first" or key not in found:
                found[key] = value
        return found

    return json.loads(line, object_pairs_hook=members)


SPELLINGS = {
    name: st.sampled_from([name, name.upper(), name.title(), f"\\u{ord(name[0]):04x}{name[1:]}",
                           name.replace("s", "\\u017f").replace("k", "\\u212a")])
    for name in ("id", "method", "params", "_meta", "progressToken", "requestId")
}  # fmt: skip
VALUE = st.sampled_from(["1", "2", '"2"', "true", "{}", '{"progressToken":2}', '"tools/call"'])


def pieces(*names: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Return members of some of these names, in any spelling and order, twice or never."""
    one = st.one_of(*(st.tuples(SPELLINGS[name], VALUE) for name in names))
    return st.lists(one, max_size=3)


def write(found: list[tuple[str, str]]) -> str:
    """Return an object with these members."""
    return ",".join(f'"{name}":{value}' for name, value in found)


@given(pieces("id", "method", "params"), pieces("_meta", "requestId"), pieces("progressToken"),
       st.booleans())  # fmt: skip
def test_no_spelling_reaches_a_server_as_the_id_of_another_client(
    outer: list[tuple[str, str]], inner: list[tuple[str, str]], meta: list[tuple[str, str]],
    is_first: bool,
) -> None:  # fmt: skip
    """What it reads as id, method and token is ours, or the request is refused."""
    params = f'"_meta":{{{write(meta)}}}'
    params = f"{{{','.join(filter(None, [params, write(inner)]))}}}"
    whole = f'"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}'
    parts = filter(None, [write(outer), whole] if is_first else [whole, write(outer)])
    try:
        call, line = line_of(f"{{{','.join(parts)}}}")
    except NotJsonRpc:
        return
    for how in ("folds", "first", "last"):
        seen = read(line, how)
        assert (seen["id"], seen["method"]) == (7, call.method)
        found = seen.get("params")
        found = found.get("_meta") if isinstance(found, dict) else None
        token = "progresstoken" if how == "folds" else "progressToken"
        if isinstance(found, dict) and token in found:
            assert found[token] == 7


FORGED = [
    '{"jsonrpc":"2.0","id":5,"ID":%d,"method":"tools/call","params":{"name":"x"}}',
    '{"jsonrpc":"2.0","ID":%d,"id":5,"method":"tools/call","params":{"name":"x"}}',
    '{"jsonrpc":"2.0","id":%d,"id":5,"method":"tools/call","params":{"name":"x"}}',
    '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"x","_meta":'
    '{"progresstoken":%d}}}',
    '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"x","_META":'
    '{"progressToken":%d}}}',
    '{"jsonrpc":"2.0","method":"notifications/x","METHOD":"notifications/cancelled",'
    '"params":{"requestId":%d}}',
    '{"jsonrpc":"2.0","method":"notifications/x","method":"notifications/cancelled",'
    '"params":{"requestId":%d}}',
]


async def forge(bridge: Bridge, headers: dict[str, str]) -> None:
    """Send what a lenient server could take for another client's."""
    for number in (1, 2, 3, 4, 5):
        for shape in FORGED:
            body = (shape % number).encode()
            await bridge.request("POST", body=body, headers={**JSON_HEADERS, **headers})


@pytest.mark.parametrize("how", ["folds", "first", "last"])
async def test_clients_of_a_lenient_server_do_not_meet(how: str) -> None:
    """In shared sessions, of which the server answers none under another's number."""
    options = ("--sessions", "Shared")
    async with running(*LENIENT, how, "legacy", options=options) as bridge:
        victim, other = await bridge.open(), await bridge.open()
        arguments = {"wait": True, "mine": "victim's"}
        params = {"name": "x", "arguments": arguments, "_meta": {"progressToken": "t"}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        waiting = asyncio.create_task(bridge.in_session(victim, message))
        await asyncio.sleep(0)
        await forge(bridge, {"mcp-session-id": other})
        message = {**message, "params": {"name": "x", "arguments": {"last": True}}}
        last = await bridge.in_session(other, message)
        answer = await waiting

    assert json.loads(answer.last["result"]["content"][0]["text"])["argument"] == arguments
    assert [m["params"]["progressToken"] for m in answer.messages[:-1]] == ["t"]
    assert json.loads(last.last["result"]["content"][0]["text"])["cancelled"] == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_nor_do_those_without_sessions(era: str) -> None:
    """Translated or not, they always share a server."""
    async with running(*LENIENT, "folds", era) as bridge:
        arguments = {"wait": True, "mine": "victim's"}
        params = {"name": "x", "arguments": arguments, "_meta": {**META, "progressToken": "t"}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        waiting = asyncio.create_task(bridge.stateless(message))
        await asyncio.sleep(0)
        headers = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "x"}
        await forge(bridge, headers)
        message = {**message, "params": {**params, "arguments": {"last": True}, "_meta": META}}
        last = await bridge.stateless(message)
        answer = await waiting

    assert json.loads(answer.last["result"]["content"][0]["text"])["argument"] == arguments
    assert [m["params"]["progressToken"] for m in answer.messages[:-1]] == ["t"]
    assert json.loads(last.last["result"]["content"][0]["text"])["cancelled"] == []
