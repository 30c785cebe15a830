"""What opening a message costs, whatever is in it."""

import contextlib
import itertools
import time
from pathlib import Path

import pytest

from mcpworkload.protocol import jsonrpc, memory, opening
from mcpworkload.protocol.jsonrpc import NotJsonRpc
from mcpworkload.protocol.sent import opened

MB = 1024 * 1024
START = b'{"jsonrpc":"2.0","id":1,"method":"x",'


def names_of(alphabet: str, length: int) -> bytes:
    """Return members with as many names as there may be, all of one message, of these letters."""
    letters = itertools.cycle(alphabet)
    names = ("".join(itertools.islice(letters, length)) + f"{n:04}" for n in range(4095))
    return "".join(f'"{name}":0,' for name in names).encode()


#: Each of these characters stands for eighteen others.
GROWING = names_of("\ufdfa", 56)
#: Each of these stands for another one, and there are many.
STANDING = names_of("".join(map(chr, range(0x1D400, 0x1D6A4))), 28)
#: No reader takes any of these for a letter.
EMPTY = names_of("".join(map(chr, range(0xE0100, 0xF0000))), 56)
SHAPES: dict[str, tuple[bytes, bytes, bytes]] = {
    "escapes of no JSON": (b'{"jsonrpc":"2.0","method":"', b"\\n", b'"!'),
    "longer escapes of no JSON": (b'{"jsonrpc":"2.0","method":"', b"\\u0041", b'"!'),
    "halves of characters": (START + b'"params":{"a":"', b"\\ud83d", b'"}}'),
    "whole ones and one half": (START + b'"params":{"a":"', b"\\ud83d\\ude00", b'\\ud83d"}}'),
    "backslashes and one half": (START + b'"params":{"a":"', b"\\\\", b'\\ud83d"}}'),
    "members": (START, b'"a":0,', b'"b":0}'),
    "ids": (START, b'"id":1,', b'"id":1}'),
    "members of params": (START + b'"params":{', b'"a":0,', b'"b":0}}'),
    "members of _meta": (START + b'"params":{"_meta":{', b'"a":0,', b'"b":0}}}'),
    "names that grow as they are read": (START + b'"params":{', GROWING, b'"b":0}}'),
    "names of many other characters": (START + b'"params":{', STANDING, b'"b":0}}'),
    "names of no letters": (START + b'"params":{', EMPTY, b'"b":0}}'),
    "such names in _meta": (START + b'"params":{"_meta":{', GROWING, b'"b":0}}}'),
    "lists where a version belongs": (
        START + b'"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":[',
        b"[],",
        b"[]]}}}",
    ),
    "nested lists": (START + b'"params":', b"[", b"}"),
    "an id": (b'{"jsonrpc":"2.0","method":"x","id":"', b"1", b'"}'),
    "a number": (b'{"jsonrpc":"2.0","method":"x","id":', b"1", b"}"),
    "a name": (START + b'"params":{"', b"k", b'":1}}'),
    "a token": (START + b'"params":{"_meta":{"progressToken":"', b"t", b'"}}}'),
    "a batch": (b"[", b"{},", b"{}]"),
    "blanks": (START + b'"params":{}', b" ", b"}"),
}  # fmt: skip


def body(shape: str, size: int) -> bytes:
    """Return a body of that shape, of at least so many bytes."""
    begin, piece, end = SHAPES[shape]
    # More names than a message may have would be refused unread.
    count = 1 if len(piece) > MB // 4 else size // len(piece)
    return begin + piece * count + end


@pytest.mark.parametrize("shape", SHAPES)
def test_a_body_costs_by_its_size_alone(shape: str) -> None:
    """A tenth of a second of processor time for each megabyte at most, from clients and servers."""
    data = body(shape, 4 * MB)
    for read in (opened, jsonrpc.decode):
        begin = time.process_time()
        with contextlib.suppress(NotJsonRpc):
            read(data)
        assert time.process_time() - begin < 0.1 * 4, read


def test_members_are_counted_before_they_are_kept() -> None:
    """As many as there may be are taken, and no more."""
    for count, is_taken in ((4096, True), (4097, False)):
        inside = ",".join(f'"{n}":{n:010}' for n in range(1000000, 1000000 + count))
        text = (
            f'{{"jsonrpc":"2.0","id":1,"method":"x","params":{{{inside.replace(":000", ":1")}}}}}'
        )
        if is_taken:
            assert len(opened(text.encode()).params) == count
        else:
            with pytest.raises(NotJsonRpc, match="more than 4096 members"):
                opened(text.encode())


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('{"jsonrpc":"2.0","id":"%s","method":"x"}', "id is longer than 1024"),
        ('{"jsonrpc":"2.0","id":1,"method":"%s"}', "method is longer than 1024"),
        ('{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"progressToken":"%s"}}}',
         "progressToken is longer than 1024"),
        ('{"jsonrpc":"2.0","id":1,"method":"notifications/cancelled\\u0000%s"}', "method"),
    ],
)  # fmt: skip
def test_what_is_kept_of_a_request_is_short(message: str, words: str) -> None:
    """Its id, its method and its token."""
    with pytest.raises(NotJsonRpc, match=words):
        opened((message % ("x" * 1100)).encode())


def test_halves_are_mended_wherever_a_message_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """No piece ends within an escape, between two halves, or between two backslashes."""
    parts = (rb"\ud83d\ude00", rb"\ud83d", rb"\ude00", rb"\\", b"ud83d", b"a")
    for mixed in itertools.product(parts, repeat=3):
        data = b'"' + b"".join(mixed) * 5 + rb"\ud83d" + b'"'
        monkeypatch.setattr(opening, "PIECE_BYTES", 10**6)
        whole = opening.at_once(opening._mending(data))
        for size in range(20, 34):
            monkeypatch.setattr(opening, "PIECE_BYTES", size)
            assert opening.at_once(opening._mending(data)) == whole, (mixed, size)


@pytest.mark.parametrize(
    ("said", "room"),
    [("max", 96), ("9223372036854771712", 96), (str(256 * MB), 48), (str(64 * MB), 4), (None, 96)],
)
def test_a_small_container_takes_less(tmp_path: Path, said: str | None, room: int) -> None:
    """Four times what is under way, and the bridge itself, fit into it."""
    file = tmp_path / "memory.max"
    if said is not None:
        file.write_text(f"{said}\n")

    assert memory.room(96 * MB, (file,)) == room * MB
