"""
One command for every kind of test cluster: ``python3 -m hack.cluster VERB``.

Answers go to standard output, everything else to standard error.
"""

import argparse
import sys
from pathlib import Path

from hack.cluster.choose import choose_cluster
from hack.cluster.protocol import Options
from hack.cluster.tools import TOOLS, find_tool
from hack.terminal import ToolError


def main() -> int:
    """Carry out the verb; the exit code is 0, 1 (leftovers), 2 (refused) or 3 (not available)."""
    arguments = _parser().parse_args()
    try:
        return _carry_out(arguments)
    except ToolError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return 130


def _carry_out(arguments: argparse.Namespace) -> int:
    if arguments.verb == "tool":
        print(find_tool(arguments.name))
        return 0
    cluster = choose_cluster()
    match arguments.verb:
        case "up":
            options = Options.from_environment(arguments.restart_backoff)
            cluster.up(options)
        case "down":
            cluster.down()
        case "status":
            print(cluster.status())
        case "kubeconfig":
            print(cluster.kubeconfig())
        case "load":
            cluster.load(arguments.image, arguments.archive)
        case "audit-log":
            print(cluster.audit_log())
        case "kind-of":
            print(cluster.name)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m hack.cluster", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="bring the cluster up; idempotent")
    up.add_argument("--restart-backoff", metavar="1s", help="longest pause before a restart")
    verbs.add_parser("down", help="remove the cluster and everything it made")
    verbs.add_parser("status", help="what runs")
    verbs.add_parser("kubeconfig", help="print the kubeconfig's path")
    load = verbs.add_parser("load", help="let pods use an image from an archive")
    load.add_argument("image")
    load.add_argument("archive", type=Path)
    verbs.add_parser("audit-log", help="print the path of the API server's audit log")
    verbs.add_parser("kind-of", help="print which kind of cluster is used: current, kind or local")
    tool = verbs.add_parser("tool", help="print a program's path, building it if need be")
    tool.add_argument("name", choices=sorted(TOOLS))
    return parser


if __name__ == "__main__":
    sys.exit(main())
