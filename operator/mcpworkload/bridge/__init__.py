"""
Serve an MCP server that speaks over its standard input and output to clients that speak HTTP.

`app.Bridge` is the entry point: it puts the parts together. `router` takes HTTP requests to the
transports `streamable`, `sse` and `stateless`; `session_protocol` handles the messages of a
session, `registry` opens and ends sessions, `servers` starts and ends server processes, `peer` is
one of them with its requests. Below, `channel` is what carries lines: `process` by pipes to a
child, `attaching` by a WebSocket to another container.

It runs in every pod of a stdio workload, beside a server that is not ours. So nothing here
imports the rest of the package, an MCP SDK, pydantic or a Kubernetes client.
"""
