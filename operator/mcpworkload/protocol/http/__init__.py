"""
HTTP/1.1 as far as MCP needs it: requests with small heads and bounded bodies, whole or streamed
responses. Parsed by httptools, which wraps the parser of Node.js.

The server that exists around that parser reads heads of any size for as long as a client likes,
and costs more memory than the rest of the bridge, which runs in every pod.
"""
