"""The bridge's command line: ``mcpw serve``, ``attach``, ``install``, ``gate``, ``drain``."""

import sys

from mcpworkload.bridge.options import Attach, BadOption, Drain, Gate, Install, parse


def main() -> int:
    """Do what the command line asks for; the exit code, 2 for one that cannot be worked with."""
    try:
        asked = parse(sys.argv[1:])
    except BadOption as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log yet
        return 2
    # Each verb imports what it needs and no more: memory here is paid once for every pod.
    if isinstance(asked, Install):
        from mcpworkload.bridge import install

        return install.run(asked.target)
    if isinstance(asked, Drain):
        from mcpworkload.bridge import drain

        return drain.run(asked.after)
    if isinstance(asked, Gate):
        from mcpworkload.bridge import gate

        return gate.run(asked)
    if isinstance(asked, Attach):
        from mcpworkload.bridge import attach

        return attach.run(asked.options, pod=asked.pod, container=asked.container)
    from mcpworkload.bridge import serve

    return serve.run(asked.options, asked.command)


if __name__ == "__main__":
    sys.exit(main())
