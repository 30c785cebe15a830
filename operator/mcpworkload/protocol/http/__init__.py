"""
HTTP/1.1 as far as MCP needs it: requests with small heads and bounded bodies, whole or streamed
responses. Parsed by httptools, which wraps the parser of Node.js.

`server` is the entry point: it holds all connections and their time limits. `listener` has the
sockets and accepts, `connection` serves one client, `reader` parses its requests within the
`limits`, `request` is one request with the ways to respond. `room` bounds the connections, and
chooses the one to close when there are too many.

The HTTP server that goes with that parser reads heads of any size for as long as a client likes,
and needs more memory than the rest of the bridge, which runs in every pod.
"""
