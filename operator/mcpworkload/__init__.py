"""
Run MCP servers on Kubernetes: operator, runtime library, command line.

Three programs and a library, each with its entry point: `python -m mcpworkload` starts the operator
(`controller.app`), `mcpworkload` the command line (`cli.app`), `mcpw` the bridge in a pod
(`bridge.app`); `runtime` is the library under the command line, public by its `__init__`.

Below them are `api` (the MCPWorkload: spec, status, names, reasons), `exits` (which ends of
containers are new), `kube` (a client of the Kubernetes API) and `protocol` (MCP on the wire).
Imports go down only: cli, then runtime, controller and bridge, then exits, api, kube and protocol;
the bridge imports `protocol` alone.
"""

__version__ = "0.1.0"
