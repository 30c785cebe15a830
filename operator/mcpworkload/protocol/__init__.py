"""
MCP on the wire, for every process that speaks it; knows no server, no client and no Kubernetes.

`jsonrpc` reads and writes messages and is where to begin; `opening` and `members` read no more of
a message than is needed, and bound what that costs; `sent` writes an envelope anew. `versions`,
`headers`, `origins` and `request_meta` are what the transports of both protocol eras agree on,
`http` is the small HTTP server under them, `answers` its responses, `mailbox` an event stream's
queue.
"""
