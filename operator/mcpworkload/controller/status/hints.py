"""Recognize frequent mistakes in a problem, and name the field that mends each."""

import re

from mcpworkload.api.names import CONTAINER
from mcpworkload.api.reasons import AvailableReason
from mcpworkload.controller.status.inputs import StatusInput
from mcpworkload.controller.status.problems import Problem

_REFUSED = re.compile(r":(?P<port>\d+): connect: connection refused$")
# However it is spaced: a server of stdio that was started without a client may greet it. One of
# HTTP that logs requests prints text of its own before the message.
_JSON_RPC = re.compile(r'^\s*\{[^\n]*"jsonrpc"\s*:', re.MULTILINE)
# A server of stdio finds its input at its end as soon as it reads; no image takes longer to start.
_START_SECONDS = 60
_STDIO = "speak stdio: transport.type: stdio"


def hint_of(problem: Problem, inputs: StatusInput) -> str:
    """Return a hint to append to *problem*, with a leading semicolon; empty where there is none."""
    match = _REFUSED.search(problem.head)
    if match and problem.reason == AvailableReason.PROBE_FAILING:
        where = "it listens on 127.0.0.1 only"
        if not _is_servers(problem, inputs) or int(match["port"]) != inputs.port:
            return f"; nothing listens there, or {where}"
        return f"; nothing listens there (see transport.port), or {where}, or it may {_STDIO}"
    if problem.exit_code is None or not _is_servers(problem, inputs):
        return ""
    is_crash = problem.reason == AvailableReason.CRASH_LOOPING
    if is_crash and _JSON_RPC.search(problem.tail):
        return f"; it prints JSON-RPC, so it seems to {_STDIO}"
    is_brief = problem.lived is None or problem.lived < _START_SECONDS
    if problem.exit_code == 0 and is_brief and not inputs.has_stdin:
        return (
            f"; it may {_STDIO} (the operator sets MCP_TRANSPORT={inputs.transport}, "
            f"PORT={inputs.port} and similar variables, which not every image reads)"
        )
    return ""


def _is_servers(problem: Problem, inputs: StatusInput) -> bool:
    """Return whether the problem is that of a server which is to listen by itself."""
    return problem.container == CONTAINER and bool(inputs.transport)
