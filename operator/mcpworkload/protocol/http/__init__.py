"""
HTTP/1.1 as far as MCP needs it: requests with small heads and bounded bodies, whole or streamed
responses. Parsed by httptools, which wraps the parser of Node.js.

A server of our own, because the one to be had around that parser reads heads of any size for as
long as a client likes, and costs more memory than the rest of us: this stands in every pod.
"""
