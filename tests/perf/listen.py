"""
A program of somebody else's: a Monitor of one namespace, which says when it was told of an exit.

Usage: listen.py KUBECONFIG NAMESPACE. Prints one JSON object a line, the first once it listens;
times are of the clock of `time.monotonic`, which all processes share.
"""

import asyncio
import json
import sys
import time

from mcpworkload.runtime import KubernetesRuntime, WorkloadExited


async def main(kubeconfig: str, namespace: str) -> None:
    """Listen until somebody ends the process."""
    runtime = await KubernetesRuntime.from_environment(kubeconfig=kubeconfig)
    async with runtime, runtime.monitor(namespace=namespace) as monitor:
        _say({"listens": namespace})
        async for event in monitor:
            at = time.monotonic()
            if isinstance(event, WorkloadExited):
                _say({"at": at, "container": event.container_id, "count": event.count})


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
