"""Messages, opened no further than their envelope."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Kind, NotJsonRpc
from mcpworkload.protocol.sent import opened

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(
        st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


@given(JSON, st.sampled_from([None, 1, 4]), st.booleans())
def test_what_is_inside_goes_through(inside: Any, indent: int | None, ascii_only: bool) -> None:
    """As one line, whatever it was written like."""
    whole = {"jsonrpc": "2.0", "id": 1, "method": "m", "params": {"x": inside}, "more": inside}
    data = json.dumps(whole, indent=indent, ensure_ascii=ascii_only).replace("\n", "\r\n")
    line = jsonrpc.encode(jsonrpc.decode(data.encode()))

    assert b"\n" not in line
    assert b"\r" not in line
    # What an envelope does not have might be taken for what it has.
    del whole["more"]
    assert json.loads(line) == whole


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ('{"jsonrpc":"2.0","id":1,"method":"m"}', Kind.REQUEST),
        ('{"jsonrpc":"2.0","id":"","method":"m","params":{}}', Kind.REQUEST),
        ('{"jsonrpc":"2.0","method":"m"}', Kind.NOTIFICATION),
        ('{"jsonrpc":"2.0","id":1,"result":null}', Kind.RESPONSE),
        ('{"jsonrpc":"2.0","id":1,"error":{}}', Kind.RESPONSE),
        ('{"jsonrpc":"2.0","id":1,"result":{},"error":null}', Kind.RESPONSE),
        ('{"jsonrpc":"2.0","id":1,"error":{},"result":null}', Kind.RESPONSE),
        ('{"jsonrpc":"2.0","id":1,"error":null,"result":null}', Kind.RESPONSE),
    ],
)
def test_members_decide_what_a_message_is(data: str, kind: Kind) -> None:
    """Nothing else does."""
    assert jsonrpc.kind(jsonrpc.decode(data.encode())) is kind


@pytest.mark.parametrize("empty", ["result", "error"])
def test_a_member_that_is_null_beside_the_other_is_none(empty: str) -> None:
    """Some libraries write every member that there is; no reader may take it for an outcome."""
    other = {"result": "error", "error": "result"}[empty]
    data = f'{{"jsonrpc":"2.0","id":1,"{empty}":null,"{other}":{{"code":1}}}}'.encode()
    of_server = jsonrpc.decode(data)
    jsonrpc.kind(of_server)

    assert set(of_server) == {"jsonrpc", "id", other}
    assert json.loads(opened(data).line()) == {"jsonrpc": "2.0", "id": 1, other: {"code": 1}}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", jsonrpc.PARSE_ERROR),
        (b"{", jsonrpc.PARSE_ERROR),
        (b"listening on stdio", jsonrpc.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","method":"m"} x', jsonrpc.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","method":"\xff"}', jsonrpc.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","method":"m","params":{"x":NaN}}', jsonrpc.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","method":"m","params":' + b"[" * 9999, jsonrpc.PARSE_ERROR),
        (b"[]", jsonrpc.INVALID_REQUEST),
        (b'[{"jsonrpc":"2.0","method":"m"}]', jsonrpc.INVALID_REQUEST),
        (b'"text"', jsonrpc.INVALID_REQUEST),
        (b"{}", jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","method":"m"}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0"}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"method":"m"}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"m"}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":[1],"method":"m"}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":2}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"result":1,"error":2}', jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","result":1}', jsonrpc.INVALID_REQUEST),
    ],
)
def test_what_is_no_message_is_named(data: bytes, code: int) -> None:
    """With the code that its sender is answered with."""
    with pytest.raises(NotJsonRpc) as raised:
        jsonrpc.kind(jsonrpc.decode(data))

    assert raised.value.code == code


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_break_it(data: bytes) -> None:
    """They are a message, or they are named."""
    with contextlib.suppress(NotJsonRpc):
        assert jsonrpc.kind(jsonrpc.decode(data)) in Kind


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d", "�"),
        (r"\ude00\ud83d", "��"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\�"),
        (r"\ud83d\\ude00", "�\\ude00"),
        (r"\ud83d\u0041", "�A"),
    ],
)
def test_half_a_character_is_mended(written: str, meant: str) -> None:
    """No UTF-8 could hold it; whole ones stay."""
    data = f'{{"jsonrpc":"2.0","id":1,"result":"{written}"}}'.encode()

    assert json.loads(jsonrpc.encode(jsonrpc.decode(data)))["result"] == meant


def test_two_ways_to_write_an_id_are_one_id() -> None:
    """A number and a string are two."""
    same = [jsonrpc.Raw(raw) for raw in (b'"a"', b'"\\u0061"')]

    assert jsonrpc.identifier(same[0]) == jsonrpc.identifier(same[1])
    assert jsonrpc.identifier(jsonrpc.Raw(b"1")) != jsonrpc.identifier(jsonrpc.Raw(b'"1"'))
