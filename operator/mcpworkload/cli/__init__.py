"""
The command line `mcpworkload`, also `kubectl mcpworkload`, on the runtime library.

`app.main` is the entry point: it finds a command in `commands`, which has one module for each, and
turns errors into exit codes (`codes`) and the library's messages into those of the command line
(`words`). `options` has the options that commands share. `invocation` connects a command to the
cluster, and `cluster` is the connection that it works with. `deployment` is what `run` writes, and
`pinning` what it adds for `--pin-tools`. `workload_table`, `output` and `progress` print,
`mcp_client` talks to a server, at its `endpoint`, and `verifying` asks it as the operator does,
`candidates` complete words in a shell, `findings` are what `doctor` reports, `rights` what each
command may need, and `offline` checks a file without a cluster.

Modules that are slow to import (the library, rich, the MCP client) are imported in the functions
that use them, because help and completion have to answer at once.
"""
