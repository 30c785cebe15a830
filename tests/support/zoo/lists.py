"""Servers that say who they are, and do not list their tools as MCP has it."""

from typing import Any

from tests.support.zoo.cage import Animal, Handler, Request, Visit, over_http
from tests.support.zoo.tame import (
    INFO,
    INTERNAL_ERROR,
    Made,
    answering,
    but,
    encode,
    legacy,
    make_discovery,
    make_result,
    making,
    modern,
    named,
    refusing,
)


def _listing(base: Handler, make: Made) -> Handler:
    return but(base, {"tools/list": making(make)})


def _many(tools: int, description: int) -> Handler:
    """List that many tools on one page."""
    listed = [
        {"name": f"t{number}", "description": "d" * description, "inputSchema": {"type": "object"}}
        for number in range(tools)
    ]

    async def handle(visit: Visit, request: Request) -> None:
        await visit.answer(body=encode(make_result(request.id, tools=listed)))

    return handle


def _nesting(depth: int) -> Handler:
    """List one tool whose schema is that deep."""
    schema = b'{"items":' * depth + b"1" + b"}" * depth
    tools = b'[{"name":"deep","inputSchema":' + schema + b"}]"

    async def handle(visit: Visit, request: Request) -> None:
        body = b'{"jsonrpc":"2.0","id":%d,"result":{"tools":%s}}' % (request.id, tools)
        await visit.answer(body=body)

    return handle


async def _long_number(visit: Visit, request: Request) -> None:
    tool = b'{"name":"n","inputSchema":{"maximum":%s,"minimum":-1e999}}' % (b"9" * 100_000)
    body = b'{"jsonrpc":"2.0","id":%d,"result":{"tools":[%s]}}' % (request.id, tool)
    await visit.answer(body=body)


async def _endless_pages(visit: Visit, request: Request) -> None:
    cursor = int(request.message.get("params", {}).get("cursor", 0))
    tool = {"name": f"t{cursor}", "inputSchema": {"type": "object"}}
    found = make_result(request.id, tools=[tool], nextCursor=str(cursor + 1))
    await visit.answer(body=encode(found))


async def _cyclic_pages(visit: Visit, request: Request) -> None:
    cursor = request.message.get("params", {}).get("cursor", "0")
    tool = {"name": f"t{cursor}", "inputSchema": {"type": "object"}}
    following = {"0": "1", "1": "2", "2": "0"}[cursor]
    await visit.answer(body=encode(make_result(request.id, tools=[tool], nextCursor=following)))


_BRACKETS = 100_000
_TOOL = {"name": "echo", "inputSchema": {"type": "object"}}
_NAMELESS: list[Any] = [{"description": "no name"}, {"name": 5}, {"name": ""}, None, "echo", _TOOL]

_HALF = "\ud800"
_HALVES = {
    "server/discover": making(
        lambda r: make_result(r.id, **make_discovery(serverInfo={**INFO, "name": _HALF}))
    ),
    "tools/list": making(lambda r: make_result(r.id, tools=[{**_TOOL, "name": _HALF}])),
}

ANIMALS = (
    named(
        "modern-refuses-tools",
        "is modern, and refuses tools/list",
        but(modern, {"tools/list": refusing()}),
    ),
    named(
        "legacy-refuses-tools",
        "is legacy, and refuses tools/list",
        but(legacy, {"tools/list": refusing(INTERNAL_ERROR)}),
    ),
    named("forbids-tools", "answers tools/list 401", but(modern, {"tools/list": answering(401)})),
    named(
        "nameless-tools",
        "lists tools without names",
        _listing(modern, lambda r: make_result(r.id, tools=_NAMELESS)),
    ),
    named(
        "same-tools",
        "lists one tool twice",
        _listing(modern, lambda r: make_result(r.id, tools=[_TOOL, _TOOL])),
    ),
    named(
        "tools-of-words",
        "lists its tools in a string",
        _listing(modern, lambda r: make_result(r.id, tools="echo")),
    ),
    named("no-tools", "lists no member tools", _listing(legacy, lambda r: make_result(r.id))),
    named("surrogates", "names itself and its tools in half characters", but(modern, _HALVES)),
    Animal(
        "long-tools",
        "lists its tools in 5 MB",
        over_http(but(modern, {"tools/list": _many(1000, 5000)})),
    ),
    Animal(
        "nested-tools",
        "nests the schema of a tool 100,000 times",
        over_http(but(modern, {"tools/list": _nesting(_BRACKETS)})),
    ),
    Animal(
        "deep-tools",
        "nests the schema of a tool 900 times",
        over_http(but(legacy, {"tools/list": _nesting(900)})),
    ),
    Animal(
        "long-number",
        "has numbers in a schema that nothing can hold",
        over_http(but(modern, {"tools/list": _long_number})),
    ),
    Animal(
        "endless-pages",
        "has one more page of tools, for ever",
        over_http(but(legacy, {"tools/list": _endless_pages})),
    ),
    Animal(
        "cyclic-pages",
        "goes back to the first page of tools",
        over_http(but(modern, {"tools/list": _cyclic_pages})),
    ),
)
