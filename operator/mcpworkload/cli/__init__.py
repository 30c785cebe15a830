"""
The command line `mcpworkload`, also `kubectl mcpworkload`, on the runtime library.

`app` is the entry point: it finds a command in `commands`, which has one module for each, and
turns errors into exit codes (`codes`). `options` are what commands share, `invocation` is the way
of one command into the cluster, `cluster` what it works with there. `workload_table` and
`output` write, `mcp_client` talks to a server, `candidates` complete words in a shell, `findings`
are what `doctor` reports, and `offline` checks a file without a cluster.

What is slow to import (the library, rich, the MCP client) is imported where it is used: help and
completion have to answer at once.
"""
