"""
Serve an MCP server that speaks over its standard input and output to clients that speak HTTP.

Runs in every pod of a stdio workload, beside or around a server that is not ours: nothing here
imports the rest of the package, an MCP SDK, pydantic or a Kubernetes client.
"""
