"""
Serve an MCP server that speaks over its standard input and output to clients that speak HTTP.

`app.Bridge` is the entry point: it puts the parts together. `router` takes HTTP requests to the
transports `streamable`, `sse` and `stateless`; `session_protocol` handles the messages of a
session. `session_table`, `request_table` and `draining` decide without I/O; `sessions`, `peer` and
`app` carry their decisions out. `supervisor` owns the servers. Below, `channel` is what carries
lines: `process` by pipes to a child, `attaching` by a WebSocket to another container.

The bridge runs in every pod of a stdio workload, beside the user's server. So it stays small:
nothing here imports the rest of the package, an MCP SDK, pydantic or a Kubernetes client.
"""
