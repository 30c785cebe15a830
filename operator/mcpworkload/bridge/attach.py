"""``mcpw attach``: serve the server in another container of this pod."""

import os
import sys

from mcpworkload.bridge import app
from mcpworkload.bridge.attaching.apiserver import ApiServer, NotInCluster, Target
from mcpworkload.bridge.attaching.source import AttachSource
from mcpworkload.bridge.limits import raise_descriptor_limit
from mcpworkload.bridge.options import Options
from mcpworkload.bridge.outlet import Outlet
from mcpworkload.protocol import jsonrpc

#: The id of a ping that is sent after hours of silence; every server answers it, with an error
#: at least.
HEARTBEAT_ID = "mcpworkload-bridge-heartbeat"


def run(options: Options, *, pod: str, container: str) -> int:
    """Serve the server in *container* of *pod* until a signal comes; return the exit code."""
    try:
        server = ApiServer.from_pod(os.environ)
    except NotInCluster as error:
        print(f"mcpw attach: {error}", file=sys.stderr)  # noqa: T201 - there is no log yet
        return 1
    raise_descriptor_limit()
    target = Target(options.namespace, pod, container)
    heartbeat = jsonrpc.request(HEARTBEAT_ID, "ping", {})
    return app.run(options, AttachSource(server, target, heartbeat), Outlet(sys.stderr.fileno()))
