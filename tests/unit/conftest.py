"""What a unit test may not do: it is arithmetic, so that all of them take seconds."""

import asyncio
import socket
import subprocess
import time
from typing import NoReturn

import pytest

_sleep = asyncio.sleep


def _refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError(
        "a unit test starts no process, uses no socket and does not wait; "
        "move it to tests/component, or hand in a clock"
    )


async def _yield(seconds: float) -> None:
    """Let other tasks run, but no time pass."""
    if seconds > 0:
        _refuse()
    await _sleep(0)


@pytest.fixture(autouse=True)
def _is_pure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess.Popen, "__init__", _refuse)
    monkeypatch.setattr(socket.socket, "connect", _refuse)
    monkeypatch.setattr(socket.socket, "bind", _refuse)
    monkeypatch.setattr(time, "sleep", _refuse)
    monkeypatch.setattr(asyncio, "sleep", _yield)
