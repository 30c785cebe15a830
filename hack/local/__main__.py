"""
Commands for the local cluster alone: ``python3 -m hack.local VERB``.

leftovers: name everything of ours on this machine, and exit with 1 if there is anything. pid NAME:
print the pid of a component, for tests that stop one.
"""

import argparse
import sys

from hack.local import components
from hack.local.cluster import LocalCluster
from hack.terminal import ToolError


def main() -> int:
    """Carry out the verb."""
    parser = argparse.ArgumentParser(prog="python3 -m hack.local", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("leftovers", help="name what is on this machine; exit 1 if anything is")
    pid = verbs.add_parser("pid", help="print the pid of a component")
    pid.add_argument("name", choices=components.NAMES)
    arguments = parser.parse_args()
    try:
        if arguments.verb == "pid":
            print(LocalCluster().pid(arguments.name))
            return 0
        found = LocalCluster().leftovers()
    except ToolError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
