"""Kinds of misbehaviour below MCP: connections, TLS, HTTP."""

from mcpworkload.verification.finding import Result
from tests.support.zoo.row import Row

_LOOK = "see the server's log"
ROWS = (
    Row(
        "nothing listens at the port, or only on 127.0.0.1",
        Result.CONNECTION_REFUSED,
        ("refused",),
        "set `transport.port` to what the server listens on, and have it listen on all addresses",
        "gone",
    ),
    Row(
        "the connection is not made in time",
        Result.UNREACHABLE,
        ("no connection",),
        'let the operator\'s pods reach the server: a NetworkPolicy, a mesh; or `mode: "Off"`',
        "full",
    ),
    Row(
        "it accepts, and does not answer, or too slowly",
        Result.HANDSHAKE_TIMEOUT,
        ("POST /mcp", "no whole answer within"),
        "raise `verification.timeout` where it is slow; else see its log",
        "mute late hangs-after-head hangs-in-body byte-a-second head-a-second session-and-hang "
        "late-session-and-hang",
    ),
    Row(
        "it says who it is, and then does not answer",
        Result.HANDSHAKE_TIMEOUT,
        ("no whole answer within",),
        _LOOK,
        "tools-hang notification-hangs",
    ),
    Row(
        "it opens an event stream, and sends nothing on it",
        Result.HANDSHAKE_TIMEOUT,
        ("/messages", "no whole answer within"),
        _LOOK,
        "sse-silent",
    ),
    Row(
        "it closes the connection before its answer has ended",
        Result.NOT_MCP,
        ("closing the connection",),
        "where it speaks TLS, `transport.scheme: HTTPS`; else see its log",
        "closes-after-request closes-at-once resets-at-once closes-after-head truncated "
        "short-chunk",
    ),
    Row(
        "it speaks TLS",
        Result.NOT_MCP,
        ("set transport.scheme to HTTPS",),
        "`transport.scheme: HTTPS`",
        "tls-on-port",
    ),
    Row(
        "it speaks plain HTTP, and the scheme is HTTPS",
        Result.NOT_MCP,
        ("without TLS", "set transport.scheme to HTTP"),
        "`transport.scheme: HTTP`",
        "plain-on-tls",
    ),
    Row(
        "it waits where TLS should begin",
        Result.HANDSHAKE_TIMEOUT,
        (),
        "`transport.scheme: HTTP`, if it speaks no TLS",
        "mute-on-tls",
    ),
    Row(
        "it wants a certificate of its clients",
        Result.NOT_MCP,
        ("closing the connection",),
        '`verification: {mode: "Off"}`',
        "client-certificate",
    ),
    Row(
        "it does not speak HTTP, or brokenly",
        Result.NOT_MCP,
        ("no sound HTTP",),
        "set `transport.port` to the port of MCP",
        "ssh redis http-0.9 http-2 zeros status-of-words chunk-of-words two-lengths "
        "negative-length many-headers long-header long-session-id sse-ssh",
    ),
    Row(
        "it sends more than is read of its answers",
        Result.NOT_MCP,
        ("more than is read of an answer",),
        "correct the server: its answer to a handshake may have 256 KiB, all that is read 1 MiB",
        "gigabyte informational endless-body endless-chunks endless-comments endless-line "
        "other-ids notifies long-name nested-member",
    ),
    Row(
        "it compresses though nobody asked for that",
        Result.PROTOCOL_ERROR,
        ("compressed",),
        "let the server, or the proxy before it, go by `Accept-Encoding`",
        "gzip-bomb gzip deflate brotli",
    ),
    Row(
        "it redirects",
        Result.NOT_MCP,
        ("was answered with 30", "transport.path"),
        "set `transport.path` to where the server really is, as with a slash at the end; the "
        "operator follows nobody",
        "moved-308 moved-301 moved-307 moved-to-itself moved-nowhere",
    ),
    Row(
        "it answers with a page for people",
        Result.NOT_MCP,
        ("200, text/html", "a page for people"),
        "set `transport.port` and `transport.path` to those of MCP",
        "html",
    ),
    Row(
        "it does not know the path",
        Result.NOT_MCP,
        ("404", "transport.path"),
        "set `transport.path`; most servers have `/mcp`, some `/`",
        "other-path html-404 empty-404",
    ),
    Row(
        "it serves HTTP+SSE, and the type is streamable HTTP",
        Result.NOT_MCP,
        ("404", "set transport.path to /sse and transport.type to sse"),
        "`transport: {type: sse, path: /sse}`",
        "sse-of-another-kind",
    ),
    Row(
        "it serves nothing but GET",
        Result.NOT_MCP,
        ("405", "transport.path"),
        "set `transport.path` to that of MCP; or `transport.type: sse`, where GET opens its stream",
        "only-get",
    ),
    Row(
        "it answers 200 and no message",
        Result.NOT_MCP,
        ("20",),
        "set `transport.port` and `transport.path` to those of MCP",
        "plain empty-200 empty-202 empty-204",
    ),
    Row(
        "it answers with JSON of its own",
        Result.NOT_MCP,
        ("200, JSON that is no message", "transport.path"),
        "set `transport.port` and `transport.path` to those of MCP",
        "health scalar null nested no-answers not-json-rpc",
    ),
    Row(
        "it refuses every request",
        Result.NOT_MCP,
        ("POST /mcp was answered with 4",),
        "see its log",
        "bad-request not-acceptable unsupported-type too-many",
    ),
    Row(
        "it fails",
        Result.NOT_MCP,
        ("500", "see its log"),
        "see its log",
        "broken",
    ),
    Row(
        "a proxy answers instead of it, or it is not ready to answer",
        Result.NOT_MCP,
        ("50",),
        "see the log of what stands behind the proxy",
        "proxy-502 unavailable",
    ),
    Row(
        "it wants to know who asks",
        Result.AUTH_REQUIRED,
        ("40",),
        "name a Secret with the header in `verification.headersFrom`, or leave it so: the server "
        "is Ready",
        "unauthorized forbidden forbids-tools",
    ),
    Row(
        "it goes by the Host header",
        Result.NOT_MCP,
        ("Host check", "weather.demo.svc"),
        "let the server accept the name of its Service (often `allowed_hosts`)",
        "host-421 host-403",
    ),
    Row(
        "it serves streamable HTTP, and the type is sse",
        Result.NOT_MCP,
        ("GET /sse", "set transport.type to streamable-http"),
        "`transport.type: streamable-http`, and its path",
        "streamable-of-another-kind",
    ),
    Row(
        "it has no event stream at the path",
        Result.NOT_MCP,
        ("GET /sse", "404", "transport.path"),
        "set `transport.path`; most servers of HTTP+SSE have `/sse`",
        "sse-404",
    ),
)
