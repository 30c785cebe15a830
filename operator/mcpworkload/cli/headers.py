"""Headers that a command sends with each of its requests to a server."""

from typing import Any

import click

from mcpworkload.cli.codes import ExitCode, Failure


def _headers(_context: click.Context, _option: click.Parameter, texts: Any) -> dict[str, str]:
    return dict(_header(text) for text in texts)


def _header(text: str) -> tuple[str, str]:
    """Return name and value; no error repeats *text*, which may be a secret."""
    from mcpworkload.verification.target import is_header

    name, _, value = text.partition(":")
    if not is_header(name, value.strip()):
        raise Failure("--header: write 'Name: value', in printable ASCII", ExitCode.USAGE)
    return name, value.strip()


headers_option = click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    callback=_headers,
    help="A header to send, such as 'Authorization: Bearer ...'.",
)
