"""Kinds of misbehaviour in MCP: JSON-RPC, handshakes, sessions, lists."""

from mcpworkload.verification.finding import Result
from tests.support.zoo.row import Row

_OTHER_SERVER = "correct `transport.path`, or report it to the server's authors"
_AUTHORS = 'report it to the server\'s authors, or `verification: {mode: "Off"}`'
ROWS = (
    Row(
        "it knows no handshake of MCP",
        Result.PROTOCOL_ERROR,
        ("initialize", "200", "error -32601"),
        _OTHER_SERVER,
        "refuses-all",
    ),
    Row(
        "it answers the handshake with an error",
        Result.PROTOCOL_ERROR,
        ("initialize", "error -32603"),
        "see its log",
        "error-in-200 error-in-400 refuses-initialize",
    ),
    Row(
        "it answers another request than ours",
        Result.PROTOCOL_ERROR,
        ("initialize", "another id"),
        _AUTHORS,
        "other-id id-of-another-type no-id echo",
    ),
    Row(
        "it answers with what is no response",
        Result.PROTOCOL_ERROR,
        ("initialize", "no message of JSON-RPC"),
        _AUTHORS,
        "two-answers result-and-error not-utf-8 nul-in-json half-json",
    ),
    Row(
        "it does not say that its answer is JSON",
        Result.NOT_MCP,
        ("text/plain", "Content-Type: application/json"),
        "let it send `Content-Type: application/json`",
        "json-as-text",
    ),
    Row(
        "it names no version of the protocol",
        Result.PROTOCOL_ERROR,
        ("initialize", "without a protocol version"),
        _AUTHORS,
        "no-version result-of-words",
    ),
    Row(
        "it answers `server/discover` as no server of either era does",
        Result.PROTOCOL_ERROR,
        ("initialize", "404", "error -32601"),
        _AUTHORS,
        "modern-without-versions",
    ),
    Row(
        "it refuses the notification that ends the handshake",
        Result.PROTOCOL_ERROR,
        ("notifications/initialized", "500"),
        "see its log",
        "refuses-initialized",
    ),
    Row(
        "it says that it has tools, and refuses to list them",
        Result.PROTOCOL_ERROR,
        ("tools/list", "error"),
        "see its log",
        "modern-refuses-tools legacy-refuses-tools",
    ),
    Row(
        "it lists what are no tools",
        Result.PROTOCOL_ERROR,
        ("tools/list",),
        _AUTHORS,
        "nameless-tools tools-of-words no-tools long-number nested-tools",
    ),
    Row(
        "its pages of tools lead back to the first",
        Result.PROTOCOL_ERROR,
        ("tools/list", "cursor"),
        _AUTHORS,
        "cyclic-pages",
    ),
    Row(
        "its stream names no endpoint",
        Result.NOT_MCP,
        ("GET /sse", "name no endpoint"),
        "set `transport.path` to that of the stream",
        "sse-no-endpoint",
    ),
    Row(
        "its stream has lines without end, and nothing of use in them",
        Result.PROTOCOL_ERROR,
        ("GET /sse", "lines without the response"),
        "set `transport.path` to that of the stream",
        "sse-comments",
    ),
    Row(
        "its stream names an endpoint of another host",
        Result.PROTOCOL_ERROR,
        ("GET /sse", "another host"),
        "let it name a path: the operator sends nothing to other hosts",
        "sse-elsewhere sse-other-port",
    ),
    Row(
        "its stream names an endpoint that does not answer",
        Result.PROTOCOL_ERROR,
        ("initialize",),
        "see its log",
        "sse-ends sse-odd-endpoint",
    ),
    Row(
        "its bridge has no server yet",
        Result.HANDSHAKE_TIMEOUT,
        ("503",),
        "see the server's log, and [stdio.md](stdio.md#when-something-is-wrong)",
        "bridge-503",
    ),
    Row(
        "no bridge answers at the port of the bridge",
        Result.PROTOCOL_ERROR,
        ("no account",),
        "let nothing else listen there",
        "bridge-html",
    ),
)
