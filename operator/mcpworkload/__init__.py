"""Run MCP servers on Kubernetes: operator, runtime library, command line."""

__version__ = "0.1.0"
