"""
Show the whole way in one command: a cluster, the operator, an MCP server, a tool call.

``make demo`` runs it. It leaves everything running, and prints how to clean up.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.types import TextContent

from hack.install import install, operator_log
from hack.kubectl import environment, kubectl, program
from hack.terminal import ToolError, last_lines, say, spoken_duration, step

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "deploy" / "samples" / "everything.yaml"
NAME = "everything"
READY_SECONDS = 120
CALL_SECONDS = 30
TOOL, QUESTION = "echo", {"message": "Is anybody there?"}
EXPECTED = "Is anybody there?"
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")


def demo() -> None:
    """
    Run every step.

    Raises:
        ToolError: a step failed; the message has conditions and log lines.
    """
    for module, verb in (("hack.cluster", "up"), ("hack.images", "load")):
        done = subprocess.run(
            [sys.executable, "-m", module, verb], cwd=ROOT, check=False, stdout=sys.stderr
        )
        if done.returncode != 0:
            raise ToolError(f"{module} {verb} failed: see above")
    install()
    with step(f"applying {SAMPLE.relative_to(ROOT)}"):
        kubectl("apply", "--filename", str(SAMPLE))
    with step("waiting until the MCP server is ready"):
        wait_until_ready()
    with _port_forward() as port:
        url = f"http://127.0.0.1:{port}/mcp"
        with step("asking the server for its tools, and calling one"):
            tools, answer = asyncio.run(asyncio.wait_for(talk(url), CALL_SECONDS))
    print(f"\ntools     {', '.join(tools)}")
    print(f"question  {TOOL}({json.dumps(QUESTION)})")
    print(f"answer    {answer}\n")
    if EXPECTED not in answer:
        raise ToolError(f"the answer should contain {EXPECTED!r}\n{describe()}")
    print(kubectl("get", "mcpworkloads,statefulsets,services,pods"))


async def talk(url: str) -> tuple[list[str], str]:
    """Return the server's tool names, and its response to one call."""
    async with Client(url) as client:
        tools = await client.list_tools()
        result = await client.call_tool(TOOL, QUESTION)
    texts = [part.text for part in result.content if isinstance(part, TextContent)]
    return sorted(tool.name for tool in tools.tools), " ".join(texts)


def wait_until_ready() -> None:
    """
    Return when the sample is Ready.

    Raises:
        ToolError: with its conditions and the last log lines.
    """
    try:
        kubectl(
            "wait",
            "--for=condition=Ready",
            f"mcpworkload/{NAME}",
            f"--timeout={READY_SECONDS}s",
            timeout=READY_SECONDS + 10,
        )
    except ToolError as error:
        raise ToolError(f"{error}\n{describe()}") from error


def describe() -> str:
    """Return the sample's conditions, and the last log lines of server and operator."""
    body: dict[str, Any] = json.loads(kubectl("get", "mcpworkload", NAME, "--output=json"))
    lines = [f"conditions of MCPWorkload {NAME}:"]
    for condition in body["status"].get("conditions", []):
        words = (condition[key] for key in ("type", "status", "reason", "message"))
        lines.append("    " + "  ".join(words))
    lines.append("the server's last log lines:")
    try:
        lines.append(last_lines(kubectl("logs", f"{NAME}-0", "--tail=15")))
    except ToolError as error:
        lines.append(f"    {error}")
    return "\n".join([*lines, "the operator's last log lines:", last_lines(operator_log())])


@contextmanager
def _port_forward() -> Iterator[int]:
    """Yield a local port that leads to the server."""
    command = [program(), "port-forward", f"service/{NAME}", ":mcp"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            match = _FORWARDING.search(line)
            if match is None:
                raise ToolError(f"kubectl port-forward to {NAME} failed\n{describe()}")
            yield int(match.group(1))
        finally:
            process.terminate()


def main() -> int:
    """Run the demo; return the exit status."""
    begin = time.monotonic()
    try:
        demo()
    except ToolError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except TimeoutError:
        print(f"demo: no answer within {CALL_SECONDS} s\n{describe()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say(f"all of it took {spoken_duration(time.monotonic() - begin)}\n")
    print(
        "Try next:\n"
        '  export KUBECONFIG="$(make -s kubeconfig)"\n'
        f"  kubectl describe mcpw {NAME}\n"
        f"  kubectl scale mcpw {NAME} --replicas=2\n"
        "  kubectl explain mcpworkload.spec.transport\n"
        "Clean up:\n"
        f"  kubectl delete mcpw {NAME}    # the server alone\n"
        "  make down                     # the whole cluster"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
