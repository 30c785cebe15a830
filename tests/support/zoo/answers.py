"""Servers that speak JSON-RPC, and not as MCP has it."""

from typing import Any

from mcpworkload.protocol.versions import LATEST_SESSION_VERSION
from tests.support.zoo.cage import Handler, Request, Visit
from tests.support.zoo.tame import (
    INTERNAL_ERROR,
    UNSUPPORTED_VERSION,
    Made,
    answering,
    but,
    encode,
    greet,
    legacy,
    make_discovery,
    make_error,
    make_event,
    make_greeting,
    make_result,
    making,
    modern,
    named,
    refusing,
)


def _opening(make: Made) -> Handler:
    """Open a session with what is made of the request."""

    async def handle(visit: Visit, request: Request) -> None:
        session = {"Mcp-Session-Id": visit.cage.open_session()}
        await visit.answer(body=encode(make(request)), headers=session)

    return handle


def _discovering(make: Made) -> Handler:
    return but(modern, {"server/discover": making(make)})


def _initializing(make: Made) -> Handler:
    """A legacy server whose sessions begin with what is made of the request."""
    return but(legacy, {"initialize": _opening(make)})


def _fail(request: Request) -> Any:
    return make_error(request.id, INTERNAL_ERROR, "Traceback (most recent call last): secret")


def _say_another_version(request: Request) -> Any:
    return make_result(request.id, **make_greeting(request, protocolVersion="2031-01-01"))


def _greet_without(name: str) -> Made:
    """A greeting that lacks one member."""

    def make(request: Request) -> Any:
        greeting = make_greeting(request)
        del greeting[name]
        return make_result(request.id, **greeting)

    return make


def _refuse_version(request: Request) -> Any:
    data = {"supported": ["2031-01-01"], "requested": "2026-07-28"}
    return make_error(request.id, UNSUPPORTED_VERSION, "Unsupported protocol version", data=data)


async def _old_version(visit: Visit, request: Request) -> None:
    await greet(visit, request, protocolVersion="2024-11-05")


async def _name_session_oddly(visit: Visit, request: Request) -> None:
    """Name the session in what is no visible ASCII."""
    session = visit.cage.open_session(" \xe9\u2603")
    body = encode(make_result(request.id, **make_greeting(request)))
    await visit.answer(body=body, headers={"Mcp-Session-Id": session})


async def _ask_first(visit: Visit, request: Request) -> None:
    """Send a request and a notification of its own before the answer."""
    note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "hello"}}
    answer = make_result(request.id, **make_greeting(request))
    await visit.begin_events({"Mcp-Session-Id": visit.cage.open_session()})
    for each in ({"jsonrpc": "2.0", "id": request.id, "method": "ping"}, note, answer):
        await visit.write(make_event(each))
    await visit.until_left()


async def _answer_with_words(visit: Visit, request: Request) -> None:
    body = encode(make_result(request.id, **make_greeting(request)))
    session = {"Mcp-Session-Id": visit.cage.open_session()}
    await visit.answer(body=body, kind="text/plain", headers=session)


def _end(status: int) -> Handler:
    """Answer whoever ends a session with *status*."""

    async def handle(visit: Visit, request: Request) -> None:
        visit.cage.end_session(request.headers.get("mcp-session-id", ""))
        await visit.answer(status)

    return handle


ANIMALS = (
    named(
        "error-in-200", "answers 200 with a JSON-RPC error to everything", refusing(INTERNAL_ERROR)
    ),
    named(
        "error-in-400",
        "answers 400 with a JSON-RPC error to everything",
        refusing(INTERNAL_ERROR, 400),
    ),
    named("refuses-all", "knows no method", refusing()),
    named(
        "other-id",
        "answers another id",
        _initializing(lambda r: make_result(12345, **make_greeting(r))),
    ),
    named(
        "id-of-another-type",
        "answers the id as another type",
        _initializing(
            lambda r: make_result(f"{r.id}" if isinstance(r.id, int) else 1, **make_greeting(r))
        ),
    ),
    named(
        "no-id",
        "answers without an id",
        _initializing(lambda r: {"jsonrpc": "2.0", "result": make_greeting(r)}),
    ),
    named(
        "two-answers",
        "answers twice, in one batch",
        _initializing(lambda r: [make_result(r.id, **make_greeting(r))] * 2),
    ),
    named("no-answers", "answers with an empty batch", making(lambda _: [])),
    named("scalar", "answers with a number", making(lambda _: 42)),
    named("null", "answers with null", making(lambda _: None)),
    named(
        "result-and-error",
        "answers with a result and an error",
        _initializing(lambda r: {**_fail(r), **make_result(r.id, **make_greeting(r))}),
    ),
    named(
        "result-of-words",
        "answers with a result that is a string",
        _initializing(lambda r: {"jsonrpc": "2.0", "id": r.id, "result": "hello"}),
    ),
    named(
        "not-json-rpc",
        "answers without jsonrpc 2.0",
        _initializing(lambda r: {"id": r.id, "result": make_greeting(r)}),
    ),
    named("echo", "answers with the request", making(lambda r: r.message)),
    named(
        "json-as-text",
        "answers in JSON that it calls text",
        but(legacy, {"initialize": _answer_with_words}),
    ),
    named(
        "asks-first",
        "sends a request and a notification before its answer",
        but(legacy, {"initialize": _ask_first}),
    ),
    named(
        "odd-session-id",
        "names its session in letters that no header may have",
        but(legacy, {"initialize": _name_session_oddly}),
    ),
    named("session-on-discover", "wants a session for server/discover (400)", legacy),
    named(
        "fails-on-discover",
        "answers server/discover 500",
        but(legacy, {"server/discover": answering(500, "oops", kind="text/plain")}),
    ),
    named("old-version", "speaks 2024-11-05 alone", but(legacy, {"initialize": _old_version})),
    named(
        "unknown-version", "speaks a version that nobody knows", _initializing(_say_another_version)
    ),
    named(
        "no-version",
        "initializes without protocolVersion",
        _initializing(_greet_without("protocolVersion")),
    ),
    named(
        "no-server-info",
        "initializes without serverInfo",
        _initializing(_greet_without("serverInfo")),
    ),
    named(
        "members-of-other-types",
        "initializes with members of other types",
        _initializing(
            lambda r: make_result(
                r.id,
                protocolVersion=LATEST_SESSION_VERSION,
                capabilities=[1],
                serverInfo="me",
                instructions=7,
            )
        ),
    ),
    named("refuses-initialize", "opens a session and refuses to initialize", _initializing(_fail)),
    named(
        "refuses-initialized",
        "answers notifications/initialized 500",
        but(legacy, {"notifications/initialized": answering(500)}),
    ),
    named("keeps-sessions", "lets nobody end a session (405)", but(legacy, {"DELETE": _end(405)})),
    named("fails-on-delete", "fails to end a session (500)", but(legacy, {"DELETE": _end(500)})),
    named(
        "modern-of-another-version",
        "refuses 2026-07-28, as a modern server does",
        making(_refuse_version, 400),
    ),
    named(
        "modern-without-versions",
        "discovers without supportedVersions",
        _discovering(lambda r: make_result(r.id, resultType="complete")),
    ),
    named(
        "modern-of-later-versions",
        "discovers later versions alone",
        _discovering(
            lambda r: make_result(r.id, **make_discovery(supportedVersions=["2031-01-01"]))
        ),
    ),
)
