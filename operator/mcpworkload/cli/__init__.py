"""
The command line `mcpworkload`, also `kubectl mcpworkload`, on the runtime library.

What is slow to import (the library, rich, the MCP client) is imported where it is used: help and
completion have to answer at once.
"""
