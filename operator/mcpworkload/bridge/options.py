"""The bridge's command line, as the operator writes it: parsed and checked once."""

import argparse
import math
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

STREAMABLE_HTTP = "streamable-http"
SSE = "sse"
PER_SESSION = "PerSession"
SHARED = "Shared"

DRAIN = "drain"
#: The older name of the verb, which preStop hooks of running pods use.
LEAVE = "leave"

READY_PATH = "/readyz"
IDLE_PATH = "/idle"
SERVER_PATH = "/server"
MESSAGES_PATH = "/messages"


class BadOption(ValueError):
    """The command line is not valid; the message has what to write instead."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``serve`` and ``attach``, each beside its flag. Times are seconds."""

    #: --port: where HTTP is served, on all addresses.
    port: int = 8080
    #: --path: the path of streamable HTTP; of the SSE stream where only that is served.
    path: str = "/mcp"
    #: --serve: the transports served, in the order given.
    serve: tuple[str, ...] = (STREAMABLE_HTTP,)
    #: --sessions: a server process for each legacy session, or one for all of them.
    sessions: str = PER_SESSION
    #: --max-sessions: legacy sessions at a time.
    max_sessions: int = 64
    #: --idle-timeout: after how long a session ends that no client uses.
    idle_timeout: float = 1800.0
    #: --request-timeout: how long a server may take for one request.
    request_timeout: float = 300.0
    #: --grace: from SIGTERM to the last SIGKILL.
    grace: float = 25.0
    #: --namespace, --service: under which names clients reach the bridge.
    namespace: str = "default"
    services: tuple[str, ...] = ()
    #: --allowed-host, --allowed-origin: further Host and Origin headers that are served.
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()

    @property
    def streamable_path(self) -> str | None:
        """The path of streamable HTTP, where that is served."""
        return self.path if STREAMABLE_HTTP in self.serve else None

    @property
    def sse_path(self) -> str | None:
        """The path of the legacy SSE stream, where that is served."""
        if SSE not in self.serve:
            return None
        return "/sse" if STREAMABLE_HTTP in self.serve else self.path


@dataclass(frozen=True)
class Serve:
    """``serve``: start *command* here and serve it."""

    options: Options
    command: tuple[str, ...]


@dataclass(frozen=True)
class Attach:
    """``attach``: serve what runs in another container of this pod."""

    options: Options
    pod: str
    container: str


@dataclass(frozen=True)
class Install:
    """``install``: copy this runtime into *target*."""

    target: str


@dataclass(frozen=True)
class Drain:
    """``drain``: have the bridge of this container accept nothing new after so many seconds."""

    after: int


class Address(NamedTuple):
    """An IP address and a port."""

    host: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """The family of the address."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def __str__(self) -> str:
        """Return both in one word, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Gate:
    """``gate``: wait until *control* can be reached, *forbidden* cannot, and *proxy* can."""

    control: Address
    forbidden: Address
    proxy: Address | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadOption(f"{self.prog}: {message}")


def parse(arguments: Sequence[str]) -> Serve | Attach | Install | Drain | Gate:
    """
    What *arguments*, without the program's name, ask for.

    Raises:
        BadOption: names the option, what was found and what would be right.
    """
    # All after the first "--" is the server's own, even what looks like an option of the bridge.
    ours, command = list(arguments), None
    if "--" in ours:
        at = ours.index("--")
        ours, command = ours[:at], tuple(ours[at + 1 :])
    found = _parser().parse_args(ours)
    if found.verb == "install":
        return Install(found.target)
    if found.verb in (DRAIN, LEAVE):
        return Drain(found.after)
    if found.verb == "gate":
        return Gate(found.control, found.forbidden, found.proxy)
    options = _options(found)
    if found.verb == "attach":
        return Attach(options, found.pod, found.container)
    if not command or not command[0]:
        raise BadOption(
            "mcpw serve: no command; write it last: mcpw serve ... -- COMMAND [ARGS...]"
        )
    return Serve(options, command)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mcpw", allow_abbrev=False, description=__doc__)
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="serve|attach|install|gate|leave|drain"
    )
    serve = verbs.add_parser("serve", allow_abbrev=False, help="start a server and serve it")
    attach = verbs.add_parser("attach", allow_abbrev=False, help="serve another container")
    attach.add_argument("--pod", required=True, metavar="NAME")
    attach.add_argument("--container", default="mcp", metavar="NAME")
    for verb in (serve, attach):
        _add_options(verb)
    install = verbs.add_parser("install", allow_abbrev=False, help="copy this runtime")
    install.add_argument("target", metavar="TARGET_DIR")
    drain = verbs.add_parser(DRAIN, aliases=[LEAVE], allow_abbrev=False, help="accept nothing new")
    drain.add_argument("after", type=_number("time", 0, 3600), metavar="SECONDS")
    gate = verbs.add_parser("gate", allow_abbrev=False, help="wait for the rules of the network")
    gate.add_argument("--control", required=True, type=_address, metavar="IP:PORT")
    gate.add_argument("--forbidden", required=True, type=_address, metavar="IP:PORT")
    gate.add_argument("--proxy", type=_address, metavar="IP:PORT")
    return parser


def _add_options(parser: argparse.ArgumentParser) -> None:
    of = Options
    parser.add_argument("--port", type=_number("port", 1, 65535), default=of.port)
    parser.add_argument("--path", type=_path)
    parser.add_argument("--serve", type=_transports, default=of.serve)
    parser.add_argument("--sessions", choices=(PER_SESSION, SHARED), default=of.sessions)
    parser.add_argument(
        "--max-sessions", type=_number("max-sessions", 1, 100_000), default=of.max_sessions
    )
    parser.add_argument("--idle-timeout", type=_seconds, default=of.idle_timeout)
    parser.add_argument("--request-timeout", type=_seconds, default=of.request_timeout)
    parser.add_argument("--grace", type=_seconds, default=of.grace)
    parser.add_argument("--namespace", default=of.namespace)
    parser.add_argument("--service", action="append", default=[], metavar="NAME")
    parser.add_argument("--allowed-host", action="append", default=[], metavar="HOST")
    parser.add_argument("--allowed-origin", action="append", default=[], metavar="ORIGIN")


def _options(found: argparse.Namespace) -> Options:
    path = found.path or (Options.path if STREAMABLE_HTTP in found.serve else "/sse")
    taken = {READY_PATH, IDLE_PATH, SERVER_PATH}
    if SSE in found.serve:
        taken.add(MESSAGES_PATH)
    if len(found.serve) > 1:
        taken.add("/sse")
    if path in taken:
        raise BadOption(f"--path {path} is taken by the bridge itself; write another one")
    return Options(
        port=found.port,
        path=path,
        serve=found.serve,
        sessions=found.sessions,
        max_sessions=found.max_sessions,
        idle_timeout=found.idle_timeout,
        request_timeout=found.request_timeout,
        grace=found.grace,
        namespace=found.namespace,
        services=tuple(found.service),
        allowed_hosts=tuple(host.lower() for host in found.allowed_host),
        allowed_origins=tuple(origin.rstrip("/").lower() for origin in found.allowed_origin),
    )


class _number:  # noqa: N801 - argparse shows a type's name in its errors
    def __init__(self, name: str, low: int, high: int) -> None:
        self._name, self._low, self._high = name, low, high

    def __call__(self, text: str) -> int:
        if not text.isdecimal() or not self._low <= int(text) <= self._high:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no {self._name}; write a number from {self._low} to {self._high}"
            )
        return int(text)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    try:
        # No names: a pod that may not even ask the DNS waits at the gate.
        socket.inet_pton(socket.AF_INET6 if is_bracketed else socket.AF_INET, host)
    except (OSError, ValueError):
        host = ""
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address with a port; write one such as 10.0.0.7:8081 or [fd00::7]:8081"
        )
    return Address(host, int(port))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write seconds above 0, such as 30")
    return seconds


def _path(text: str) -> str:
    if not text.startswith("/") or not text.isascii() or set(text) & set("?#% "):
        raise argparse.ArgumentTypeError(f"{text!r} is no path; write one such as /mcp")
    return text


def _transports(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if not set(names) <= {STREAMABLE_HTTP, SSE}:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list of transports; write {STREAMABLE_HTTP}, {SSE} or both"
            " with a comma between them"
        )
    return names
