"""The command `call`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.headers import headers_option
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.mcp_client import data_of, replica_option, talk
from mcpworkload.cli.options import cluster_options, output_option, workload_argument
from mcpworkload.cli.output import write_data

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster


@click.command()
@workload_argument
@click.argument("tool")
@click.argument("arguments", nargs=-1, metavar="[KEY=TEXT | KEY:=JSON]...")
@click.option("--json", "document", metavar="JSON|@FILE|@-", help="All arguments as one object.")
@replica_option
@headers_option
@output_option("json", "yaml")
@cluster_options
def call(
    invocation: Invocation,
    workload: str,
    tool: str,
    arguments: tuple[str, ...],
    document: str | None,
    replica: int | None,
    headers: dict[str, str],
    output: str | None,
) -> None:
    """
    Call a tool of a server and print its answer.

    The exit code is 1 if the tool reports an error.

    \b
      mcpworkload call weather forecast city=Oslo days:=3
    """
    words = {**_document(document), **dict(_argument(text) for text in arguments)}

    async def work(cluster: "Cluster") -> dict[str, Any]:
        async with talk(cluster, workload, replica, headers) as client:
            return data_of(await client.call_tool(tool, words))

    result = invocation.run(work, lambda: "the server may have carried out the call")
    if output is not None:
        write_data(result, output)
    else:
        for part in result.get("content", ()):
            # Content other than text is for programs.
            click.echo(part["text"] if part["type"] == "text" else json.dumps(part))
    if result.get("isError"):
        raise Failure(f"{workload}: the tool {tool} reports an error")


def _argument(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or key in ("", ":"):
        raise Failure(f"{text!r} is no argument: write KEY=TEXT or KEY:=JSON", ExitCode.USAGE)
    if not key.endswith(":"):
        return key, value
    return key[:-1], _parsed(value, key[:-1])


def _document(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if text.startswith("@"):
        try:
            text = sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"--json: it cannot be read: {error}", ExitCode.USAGE) from None
    found = _parsed(text, "--json")
    if not isinstance(found, dict):
        raise Failure("--json: write one object", ExitCode.USAGE)
    return found


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure(f"{where}: {text!r} is not JSON: {error}", ExitCode.USAGE) from None


COMMAND = call
