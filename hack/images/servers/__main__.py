"""
An MCP server of one of the Python SDKs for tests, on $PORT of all addresses.

Usage: python -m servers SDK [options]. All have the tools `echo` and `add`, and tell at /sessions
how many sessions clients have begun and how many of these are open.
"""

import argparse
import os
import socket
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
# Each is a folder that the image has, and the path that its server imports from.
PATHS = {
    "python-sdk-1": ("python-sdk-1", "common"),
    "python-sdk-2": ("python-sdk-2", "common"),
    "fastmcp-2": ("fastmcp-2", "python-sdk-1", "common"),
    "fastmcp-3": ("fastmcp-3", "python-sdk-1", "common"),
}
BACKLOG = 128


def read_arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sdk", choices=PATHS)
    parser.add_argument("--sse", action="store_true", help="the older transport, at /sse")
    parser.add_argument("--token", default="", help="answer 401 without this bearer token")
    parser.add_argument("--strict", action="store_true", help="refuse requests that lack headers")
    parser.add_argument("--pages", type=int, default=0, help="pages of 50 tools each")
    parser.add_argument("--early", choices=("refuses", "hangs"), help="what the open port does")
    parser.add_argument("--seconds", type=float, default=3.0, help="for how long it does that")
    parser.add_argument("--address", default="0.0.0.0", help="listen on this one alone")  # noqa: S104
    return parser.parse_args()


def main() -> None:
    """Be the server, until a signal ends it."""
    arguments = read_arguments()
    address = (arguments.address, int(os.environ["PORT"]))
    port = socket.create_server(address, backlog=BACKLOG) if arguments.early else None
    opened = time.monotonic()
    # Where they are not, this machine's own environment has the SDK.
    packages = [HERE / "packages" / name for name in PATHS[arguments.sdk]]
    sys.path[1:1] = [str(path) for path in packages if path.is_dir()]

    import uvicorn

    from . import apps, guards

    app = apps.make_paged(arguments.pages) if arguments.pages else apps.make_app(arguments)
    if arguments.strict:
        app = guards.Strict(app)
    if arguments.token:
        app = guards.Token(app, arguments.token)
    if arguments.early == "refuses":
        app = guards.NotYet(app, opened + arguments.seconds)
    config = uvicorn.Config(
        guards.Sessions(app), log_level="warning", timeout_graceful_shutdown=1, ws="none"
    )
    if arguments.early == "hangs":
        # The kernel accepts for it meanwhile.
        time.sleep(max(0.0, opened + arguments.seconds - time.monotonic()))
    # Otherwise when there is nothing left to do but to answer.
    uvicorn.Server(config).run(sockets=[port or socket.create_server(address, backlog=BACKLOG)])


if __name__ == "__main__":
    main()
