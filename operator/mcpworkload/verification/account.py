"""The bridge's own account of its server: it is asked, so that no server has to begin for it."""

from dataclasses import replace
from typing import Final

import msgspec

from mcpworkload.protocol import jsonrpc
from mcpworkload.protocol.jsonrpc import Message
from mcpworkload.protocol.media import JSON_TYPE
from mcpworkload.verification import tools, verdicts
from mcpworkload.verification.answer import Answer
from mcpworkload.verification.exchange import read_whole
from mcpworkload.verification.failures import Failed, Refused
from mcpworkload.verification.finding import Result, Server, ToolList
from mcpworkload.verification.identity import has_modern, legacy_server, modern_server
from mcpworkload.verification.line import Line
from mcpworkload.verification.requests import BUDGET_BYTES, Request
from mcpworkload.verification.target import BRIDGE_PATH
from mcpworkload.verification.words import cut

_REASON_CHARACTERS: Final = 200
_TRUE: Final = msgspec.Raw(b"true")


async def ask_bridge(line: Line) -> Server:
    """
    Return who the bridge's server is.

    Raises:
        Refused: the bridge is older, and gives no account.
        Failed: it has none yet, or not as it should be.
    """
    url = line.url.with_path(BRIDGE_PATH, encoded=True)
    request = Request("GET", "", {"Accept": JSON_TYPE}, url=url, limit=BUDGET_BYTES)
    async with line.asking(request) as (response, meter):
        answer = Answer(response.status, response.headers, response.content_type)
        answer.body = await read_whole(response, meter)
        line.note(str(answer.status))
    if answer.status == 404:
        raise Refused(Result.NOT_MCP, "was answered with 404")
    if answer.status == 503:
        reason = cut(answer.body[: 4 * _REASON_CHARACTERS].decode(errors="replace").strip(), 200)
        raise Failed(Result.HANDSHAKE_TIMEOUT, f"was answered with 503: {reason}")
    if answer.status != 200:
        verdicts.check_accepted(answer)
    server = _server(answer.body)
    line.rename(verdicts.welcome(answer, server))
    return server


def _server(body: bytes) -> Server:
    members = jsonrpc.members(msgspec.Raw(body))
    if "discover" in members:
        server = modern_server(jsonrpc.members(members["discover"]))
    else:
        server = legacy_server(jsonrpc.members(members.get("initialize")))
    if not server.protocol_version and not has_modern(server.supported_versions):
        raise Failed(Result.PROTOCOL_ERROR, "was answered with no account of a server")
    return replace(
        server,
        tools=_tools(members),
        prompts=jsonrpc.whole_number(members.get("prompts")),
        resources=jsonrpc.whole_number(members.get("resources")),
    )


def _tools(members: Message) -> ToolList | None:
    if "tools" not in members:
        return None
    is_whole = members.get("truncated") != _TRUE
    digest = tools.digest_tools if is_whole else tools.unfinished
    try:
        return digest(tools.read_tools(members["tools"]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failed(Result.PROTOCOL_ERROR, "was answered with tools that are no list") from None
