"""Servers that answer over HTTP, and not as MCP has it."""

from collections.abc import Mapping

from mcpworkload.verification.target import Target
from tests.support.zoo.cage import HOST, Animal, Handler, Request, Visit, over_http
from tests.support.zoo.tame import SSE, OldTransport, answering, but, legacy, modern, named

_HTML = "text/html; charset=utf-8"
_PAGE = "<!doctype html><html><head><title>Welcome</title></head><body>It works</body></html>"
_PLAIN = "text/plain"
_CHALLENGE = {"WWW-Authenticate": 'Bearer resource_metadata="https://example.com/meta"'}


def _elsewhere(status: int) -> Handler:
    """Redirect to another host."""

    async def handle(visit: Visit, request: Request) -> None:
        await visit.answer(status, headers={"Location": visit.cage.elsewhere + request.path})

    return handle


async def _to_itself(visit: Visit, request: Request) -> None:
    location = {"Location": f"http://{HOST}:{visit.cage.port}{request.path}"}
    await visit.answer(308, headers=location)


def _only_at(path: str, handler: Handler) -> Handler:
    """Handle requests to *path*, and know no other."""

    async def handle(visit: Visit, request: Request) -> None:
        is_there = request.path.partition("?")[0] == path
        await (handler if is_there else answering(404, _PAGE, kind=_HTML))(visit, request)

    return handle


def _only_for_localhost(status: int) -> Handler:
    """Refuse all Host headers but that of the server's own machine, as SDKs do by default."""

    async def handle(visit: Visit, request: Request) -> None:
        if request.headers["host"].partition(":")[0] in ("localhost", HOST):
            await legacy(visit, request)
        else:
            await visit.answer(status, "Invalid Host header", _PLAIN)

    return handle


def _strict(required: Mapping[str, str], status: int) -> Handler:
    """Refuse requests that lack a header with these words."""

    async def handle(visit: Visit, request: Request) -> None:
        headers = request.headers
        if all(words in headers.get(name, "") for name, words in required.items()):
            await modern(visit, request)
        else:
            await visit.answer(status)

    return handle


_NAMED = Target("", 0, authority="weather.demo.svc:8080")

ANIMALS = (
    named(
        "moved-301",
        "redirects to another host (301)",
        _elsewhere(301),
    ),
    named(
        "moved-307",
        "redirects to another host (307)",
        _elsewhere(307),
    ),
    named(
        "moved-308",
        "redirects to another path (308)",
        answering(308, headers={"Location": "/mcp/"}),
    ),
    named("moved-to-itself", "redirects to itself", _to_itself),
    named("moved-nowhere", "redirects, and names no place", answering(302)),
    named("html", "answers 200 with an HTML page", answering(200, _PAGE, kind=_HTML)),
    named("html-404", "answers 404 with an HTML page", answering(404, _PAGE, kind=_HTML)),
    named("empty-404", "answers 404 with nothing", answering(404)),
    named("other-path", "serves MCP at another path", _only_at("/", legacy)),
    named("sse-of-another-kind", "serves HTTP+SSE, at /sse", _only_at("/sse", OldTransport())),
    named("empty-200", "answers 200 with nothing", answering(200)),
    named("empty-202", "answers 202 with nothing", answering(202)),
    named("empty-204", "answers 204", answering(204)),
    named("plain", "answers 200 with plain text", answering(200, "OK", kind=_PLAIN)),
    named("health", "answers 200 with JSON of its own", answering(200, '{"status": "ok"}')),
    named("bad-request", "answers 400 to everything", answering(400, "Bad Request", kind=_PLAIN)),
    named("unauthorized", "answers 401 with WWW-Authenticate", answering(401, headers=_CHALLENGE)),
    named("forbidden", "answers 403", answering(403)),
    named(
        "only-get",
        "serves nothing but GET (405)",
        but(answering(405), {"GET": answering(200, _PAGE, kind=_HTML)}),
    ),
    named("not-acceptable", "answers 406", answering(406)),
    named("unsupported-type", "answers 415", answering(415)),
    named(
        "too-many", "answers 429 with Retry-After", answering(429, headers={"Retry-After": "120"})
    ),
    named("broken", "answers 500", answering(500, "Internal Server Error", kind=_PLAIN)),
    named(
        "proxy-502",
        "answers 502, as a proxy does",
        answering(502, "<html>Bad Gateway</html>", kind=_HTML),
    ),
    named(
        "unavailable",
        "answers 503 with Retry-After",
        answering(503, headers={"Retry-After": "120"}),
    ),
    named(
        "strict-accept",
        "wants both types in Accept (406)",
        _strict({"accept": "application/json, text/event-stream"}, 406),
    ),
    named("strict-method", "wants the header Mcp-Method (400)", _strict({"mcp-method": "/"}, 400)),
    Animal(
        "host-421",
        "answers other hosts than localhost 421",
        over_http(_only_for_localhost(421)),
        _NAMED,
    ),
    Animal(
        "host-403",
        "answers other hosts than localhost 403",
        over_http(_only_for_localhost(403)),
        _NAMED,
    ),
    Animal(
        "streamable-of-another-kind",
        "serves streamable HTTP where HTTP+SSE is asked for",
        over_http(legacy),
        SSE,
    ),
    Animal("sse-404", "has no event stream (404)", over_http(answering(404)), SSE),
    Animal(
        "bridge-503",
        "is a bridge that has no server yet",
        over_http(answering(503, "the server has not answered yet", kind=_PLAIN)),
        Target("", 0, kind="bridge"),
    ),
    Animal(
        "bridge-html",
        "is no bridge, and answers with HTML",
        over_http(answering(200, _PAGE, kind=_HTML)),
        Target("", 0, kind="bridge"),
    ),
)
