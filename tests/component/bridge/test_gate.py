"""The gate before real sockets: ports that are open, closed, silent, or change."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from mcpworkload.bridge import gate
from mcpworkload.bridge.gate import Finding, connects, try_round
from mcpworkload.bridge.options import Address, Gate

PROGRAM = [sys.executable, "-u", "-m", "mcpworkload.bridge", "gate"]


@contextmanager
def listening(host: str = "127.0.0.1", port: int = 0) -> Iterator[Address]:
    """A port that accepts connections."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=100) as server:
        yield Address(host, server.getsockname()[1])


def closed(host: str = "127.0.0.1") -> Address:
    """A port that refuses them."""
    with listening(host) as address:
        return address


@contextmanager
def dropping() -> Iterator[Address]:
    """A port whose queue is full, so that the kernel drops what else wants in."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = server.getsockname()
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
        yield Address(*address)


@contextmanager
def started(aim: Gate) -> Iterator["subprocess.Popen[str]"]:
    """The gate as a process of its own."""
    words = ["--control", str(aim.control), "--forbidden", str(aim.forbidden)]
    words += ["--proxy", str(aim.proxy)] if aim.proxy else []
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: "subprocess.Popen[str]") -> Callable[[], str]:
    """A function that returns its next line."""
    assert process.stdout
    return process.stdout.readline


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_closed_port_beside_an_open_one_lets_the_pod_start(host: str) -> None:
    """At once, where the engine refuses; with either family."""
    with listening(host) as control, started(Gate(control, closed(host))) as process:
        output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert output.startswith("the rules are enforced (3 of 3 attempts at ")
    assert output.count("\n") == 1


def test_an_engine_that_drops_costs_less_than_a_second_and_a_half() -> None:
    """Attempts overlap; so long does each isolated pod wait when all is well."""
    with listening() as control, dropping() as forbidden:
        assert not connects(forbidden)
        begin = time.monotonic()
        assert gate._try(Gate(control, forbidden), gate.Proof()) is Finding.ENFORCED
        took = time.monotonic() - begin

    assert gate.ATTEMPT_SECONDS < took < 1.5


def test_the_pod_waits_while_the_forbidden_port_is_open() -> None:
    """The rules come later, as they do on most networks."""
    with listening() as control, ExitStack() as stack:
        forbidden = stack.enter_context(listening())
        with started(Gate(control, forbidden)) as process:
            line = lines(process)
            assert line() == f"the rules are not enforced yet: {forbidden} accepts connections\n"
            assert process.poll() is None
            stack.close()
            assert line().startswith("the rules are enforced (3 of 3 ")
            assert process.wait(20) == 0


def test_a_closed_port_proves_nothing_without_the_operator() -> None:
    """All could be down: the network, the operator, its node."""
    control = closed()
    with started(Gate(control, closed())) as process:
        line = lines(process)
        assert line() == (
            f"no answer from the operator at {control}: it cannot be seen whether the rules are "
            "enforced\n"
        )
        time.sleep(1)
        assert process.poll() is None
        with listening(port=control.port):
            assert line().startswith("the rules are enforced")
            assert process.wait(20) == 0


def test_the_proxy_is_waited_for() -> None:
    """A server that starts before its way out would fail its first requests."""
    proxy = closed()
    with listening() as control, started(Gate(control, closed(), proxy)) as process:
        line = lines(process)
        assert line() == (
            f"the rules are enforced; no answer yet from the egress proxy at {proxy}\n"
        )
        with listening(port=proxy.port):
            assert line().startswith("the rules are enforced (3 of 3")
            assert process.wait(20) == 0


def test_a_port_that_comes_and_goes_holds_the_pod() -> None:
    """Three rounds that are not in a row are no proof."""
    with listening() as control:
        forbidden = closed()
        stop = threading.Event()

        def flap() -> None:
            while not stop.is_set():
                with listening(port=forbidden.port):
                    stop.wait(0.4)
                # Less than three rounds take, so that one of them is always outside.
                stop.wait(0.1)

        flapping = threading.Thread(target=flap)
        flapping.start()
        try:
            with started(Gate(control, forbidden)) as process:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(3)
                stop.set()
                assert process.wait(20) == 0
        finally:
            stop.set()
            flapping.join()


def test_what_fails_here_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod without free ports or descriptors cannot connect anywhere."""

    def fail(*_: object) -> None:
        raise OSError(24, "Too many open files")

    with listening() as control:
        monkeypatch.setattr(socket, "socket", fail)
        assert try_round(Gate(control, control)) is Finding.UNSEEN


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(number: signal.Signals) -> None:
    """While it waits for the network, too."""
    with dropping() as control, started(Gate(control, control)) as process:
        lines(process)()
        begin = time.monotonic()
        process.send_signal(number)
        assert process.wait(20) == 143
    assert time.monotonic() - begin < 1


def test_it_is_light() -> None:
    """It runs in each isolated pod, so it does not load what serves."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "import mcpworkload.bridge.__main__, mcpworkload.bridge.gate\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert {name for name in done.stdout.split() if name.startswith("mcpworkload")} == {
        "mcpworkload", "mcpworkload.bridge", "mcpworkload.bridge.__main__",
        "mcpworkload.bridge.gate", "mcpworkload.bridge.options",
    }  # fmt: skip
    assert not loaded & {"asyncio", "ssl", "msgspec", "httptools", "websockets", "logging"}
