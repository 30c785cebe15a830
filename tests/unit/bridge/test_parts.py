"""Small parts: environment, mailbox, violations, the message for the kubelet."""

import asyncio
import logging
from pathlib import Path

import pytest

from mcpworkload.bridge.background import Background
from mcpworkload.bridge.channel import End
from mcpworkload.bridge.environment import server_environment
from mcpworkload.bridge.report import (
    TERMINATION_BYTES,
    termination_message,
    write_termination_message,
)
from mcpworkload.bridge.server_requests import MAX_OPEN, ServerRequests
from mcpworkload.bridge.violations import Violations
from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.mailbox import FULL_BYTES, Mailbox
from mcpworkload.protocol.versions import negotiated


def message(content: dict[str, object]) -> Message:
    """A message as the bridge holds it."""
    return jsonrpc.members(jsonrpc.raw(content))


def test_the_environment_is_what_the_kernel_holds() -> None:
    """Hidden variables come back under their names; bytes stay bytes."""
    block = b"PATH=/bin\0MCPW_LD_PRELOAD=/x.so\0MCPW_OTHER=1\0E=\0N=a=b\n\xff\0junk\0"

    assert server_environment(block) == {
        b"PATH": b"/bin", b"LD_PRELOAD": b"/x.so", b"MCPW_OTHER": b"1", b"E": b"",
        b"N": b"a=b\n\xff",
    }  # fmt: skip
    assert b"PATH" in server_environment()


def test_a_question_is_open_until_it_is_answered_or_withdrawn() -> None:
    """A server that withdraws what clients leave unanswered can go on asking."""
    questions = ServerRequests()
    for number in range(MAX_OPEN):
        assert questions.ask(message({"id": number, "method": "x"})) is None

    questions.withdraw(message({"params": {"requestId": 7}}))
    questions.withdraw(message({"params": {"requestId": [7]}}))
    questions.withdraw(message({"params": []}))

    assert questions.ask(message({"id": MAX_OPEN, "method": "x"})) is None
    assert not questions.answer(7)
    assert questions.answer(8)
    assert not questions.answer(8)


def test_the_oldest_question_is_forgotten_for_the_newest() -> None:
    """However many a client has left unanswered, a server can go on asking."""
    questions = ServerRequests()
    for number in range(MAX_OPEN):
        questions.ask(message({"id": number, "method": "x"}))

    assert questions.ask(message({"id": 0, "method": "again"})) is None
    assert questions.ask(message({"id": "new", "method": "x"})) == 1
    assert [questions.answer(number) for number in (1, 0, "new")] == [None, "again", "x"]


async def test_a_mailbox_ends_with_the_answer() -> None:
    """What comes after it is dropped; one for a stream goes on."""
    mail, stream = Mailbox(), Mailbox(is_stream=True)
    for box in (mail, stream):
        box.put(b"progress")
        box.put(b"answer", is_answer=True)
        box.put(b"late")

    assert [await mail.get(1) for _ in range(3)] == [
        (b"progress", False), (b"answer", True), (None, True),
    ]  # fmt: skip
    assert [await stream.get(0.01) for _ in range(4)] == [
        (b"progress", False), (b"answer", False), (b"late", False), (None, False),
    ]  # fmt: skip


async def test_a_reader_is_woken_by_what_happens() -> None:
    """A frame, the end, the closing; or time."""
    for happen, found in (
        (lambda box: box.put(b"x"), (b"x", False)),
        (lambda box: box.finish(), (None, True)),
        (lambda box: box.close(), (None, True)),
        (lambda _: None, (None, False)),
    ):
        box = Mailbox(is_stream=True)
        reading = asyncio.create_task(box.get(0.1))
        await asyncio.sleep(0)
        happen(box)
        assert await reading == found


async def test_a_full_mailbox_has_room_when_it_is_read() -> None:
    """One message fits always."""
    box = Mailbox()
    box.put(b"x" * (FULL_BYTES + 1))
    alone = box.is_full
    box.put(b"y")
    waiting = asyncio.create_task(box.room())
    await asyncio.sleep(0)
    before = waiting.done()
    await box.get(1)
    await asyncio.wait_for(waiting, 1)

    assert (alone, before, box.is_full) == (False, False, False)
    box.put(b"x" * (FULL_BYTES + 1))
    waiting = asyncio.create_task(box.room())
    await asyncio.sleep(0)
    box.close()
    await asyncio.wait_for(waiting, 1)
    assert box.size == 0


async def test_violations_are_cut_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Some are shown, by their beginning; the rest does not flood the log."""
    with caplog.at_level(logging.WARNING):
        violations = Violations("session abc")
        for number in range(100):
            violations.report(b"%d secret " % number + b"x" * 1000, "no JSON")

    assert violations.count == 100
    assert len(caplog.messages) == 5
    assert "session abc: protocol violation 1 " in caplog.messages[0]
    assert "(1009 bytes): no JSON" in caplog.messages[0]
    assert max(map(len, caplog.messages)) < 300
    assert "not shown" in caplog.messages[-1]


def test_the_message_for_the_kubelet_is_short_enough(tmp_path: Path) -> None:
    """The reason first, then as many of the last words as fit."""
    end = End(code=3, stderr_tail=("first", "é" * 9000, "last"))
    message = termination_message("server exited with code 3", end)
    path = tmp_path / "log"
    write_termination_message(message, path)
    was_there = path.exists()
    path.touch()
    write_termination_message(message, path)

    assert (was_there, path.read_text()) == (False, message)
    assert len(message.encode()) <= TERMINATION_BYTES
    assert message.startswith("server exited with code 3\n")
    assert message.endswith("é\nlast")
    assert termination_message("gone", End()) == "gone"


@pytest.mark.parametrize(
    ("end", "said", "status"),
    [
        (End(code=0), "server exited with code 0", 0),
        (End(code=3), "server exited with code 3", 3),
        (End(signal=11), "server ended by SIGSEGV (11)", 139),
        (End(signal=64), "server ended by SIGRTMAX (64)", 192),
        (End(signal=33), "server ended by signal (33)", 161),
        (End(), "server is gone, its exit code is not known here", 1),
    ],
)
def test_ends_have_words(end: End, said: str, status: int) -> None:
    """And the exit status of a process that ends the same way."""
    assert (str(end), end.exit_status) == (said, status)


@pytest.mark.parametrize(
    ("asked", "served", "version"),
    [
        ("2025-03-26", "2025-11-25", "2025-03-26"),
        ("2025-11-25", "2025-03-26", "2025-03-26"),
        ("1999-01-01", "2025-11-25", "2025-11-25"),
        ("2025-03-26", "2024-10-07", "2024-10-07"),
        (None, "2025-06-18", "2025-06-18"),
    ],
)
def test_a_shared_server_speaks_its_clients_version(
    asked: object, served: str, version: str
) -> None:
    """As far as both know it."""
    assert negotiated(asked, served) == version


async def test_what_begins_while_the_background_ends_is_cancelled() -> None:
    """It could wait for ever, and the bridge with it."""
    late: list[asyncio.Task[None]] = []

    async def wait() -> None:
        await asyncio.Event().wait()

    async with Background() as background:

        async def leave() -> None:
            try:
                await wait()
            finally:
                late.append(background.start(wait()))

        background.start(leave())
        await asyncio.sleep(0)

    assert late[0].cancelled()


async def test_what_begins_after_a_fault_does_not_begin_and_fails_no_caller() -> None:
    """The group refuses tasks then; whoever starts one goes on with the rest of its work."""
    late: list[asyncio.Task[None]] = []
    begun: list[str] = []

    async def work() -> None:
        begun.append("work")

    async def fail() -> None:
        raise ValueError

    async def run(background: Background) -> None:
        async with background:

            async def leave() -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    late.append(background.start(work()))

            background.start(leave())
            await asyncio.sleep(0)
            background.start(fail())
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup):
        await run(Background())
    await asyncio.wait(late)

    assert late[0].cancelled()
    assert begun == []
