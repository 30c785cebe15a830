"""What the pods of a workload answered to verification, as its status says it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mcpworkload.api.reasons import ConditionType, VerifiedReason
from mcpworkload.api.status import ConditionStatus
from mcpworkload.api.verification import Listing, ServerStatus, ToolListing
from mcpworkload.controller.answers import NO_ANSWER, Answers, PodAnswer
from mcpworkload.controller.desired import Check
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.kube.objects import Pod
from mcpworkload.verification.finding import Result, Server

#: A message names so many fields of a server's own words, each cut to so many characters.
_SHOWN: Final = 64
_WRONG = frozenset(
    reason
    for reason in VerifiedReason
    if reason.status == "False" and reason is not VerifiedReason.PODS_DISAGREE
)
_NEUTRAL = frozenset((VerifiedReason.AUTH_REQUIRED, VerifiedReason.UNREACHABLE))
#: A message names so many pods that differ.
_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Verified:
    """The condition Verified without generation and times, what goes with it, and Ready."""

    #: None where there is no such condition.
    reason: str | None
    status: ConditionStatus = "Unknown"
    message: str = ""
    server: ServerStatus | None = None
    #: Whether the workload is not Ready because of it.
    is_blocking: bool = False


def report_verification(
    check: Check | None, observation: Observation, stored: Mapping[str, Any], replicas: int
) -> Verified:
    """
    Return what is true of the servers, so far as it is known.

    *check* is how they are asked, None while that is not known; *stored* is the status as it is
    now, and *replicas* how many pods there should be.
    """
    if check is None:
        return _stored(stored, None)
    if check.is_off:
        return Verified(None)
    known = observation.answers.pods
    pods = observation.pods_of_update() or list(observation.pods.values())
    answers = [(pod, known.get(pod.metadata.uid, NO_ANSWER)) for pod in pods]
    server = _server_of(answers) or _stored_server(stored)
    if not replicas:
        return _of(VerifiedReason.NO_PODS, "nothing runs that could be asked", server)
    if wrong := _first_wrong(answers, check):
        return _of(*wrong, server, is_blocking=True)
    if any(answer.is_presumed for _, answer in answers):
        return _stored(stored, check)
    if not answers or any(answer.is_pending for _, answer in answers):
        # Without numbers: they would be a write for each pod that answers before it is ready.
        return _of(VerifiedReason.PENDING, "not every pod has answered yet", server)
    if neutral := _first_neutral(answers, check, observation.answers):
        # Nobody may slip past a pin by keeping the operator out.
        return _of(*neutral, server, is_blocking=bool(check.expected_tools))
    if difference := _difference(answers):
        return _of(VerifiedReason.PODS_DISAGREE, difference, server)
    return _of(VerifiedReason.HANDSHAKE_OK, _describe(answers), server)


def _of(
    reason: VerifiedReason,
    message: str,
    server: ServerStatus | None,
    *,
    is_blocking: bool = False,
) -> Verified:
    status: Any = reason.status
    return Verified(reason, status, message, server, is_blocking)


def _stored(stored: Mapping[str, Any], check: Check | None) -> Verified:
    """Return what the status says now, and whether that keeps Ready from being True."""
    conditions = (each for each in stored.get("conditions", ()))
    before = next((each for each in conditions if each["type"] == ConditionType.VERIFIED), None)
    server = _stored_server(stored)
    if before is None:
        return Verified(None, server=server)
    is_pinned = check is not None and bool(check.expected_tools)
    is_blocking = before["reason"] in _WRONG or (is_pinned and before["reason"] in _NEUTRAL)
    return Verified(before["reason"], before["status"], before["message"], server, is_blocking)


def _stored_server(stored: Mapping[str, Any]) -> ServerStatus | None:
    found = stored.get("server")
    return ServerStatus.model_validate(found) if found else None


def _first_wrong(
    answers: Iterable[tuple[Pod, PodAnswer]], check: Check
) -> tuple[VerifiedReason, str] | None:
    """Return what is wrong with the first server that does not answer as it should."""
    for pod, answer in answers:
        if answer.is_wrong and answer.result is not None:
            return VerifiedReason[answer.result.name], f"pod {pod.metadata.name}: {answer.message}"
        if answer.result is Result.HANDSHAKE_OK and not _is_expected(answer.server, check):
            tools = answer.server.tools if answer.server is not None else None
            found = (tools.digest or "longer than can be read") if tools else "none"
            return VerifiedReason.TOOLS_CHANGED, (
                f"pod {pod.metadata.name}: the tools are {found}, and verification.expectTools "
                f"is {check.expected_tools}: mcpworkload tools --diff names what differs"
            )
    return None


def _is_expected(server: Server | None, check: Check) -> bool:
    if not check.expected_tools:
        return True
    tools = server.tools if server is not None else None
    return tools is not None and tools.digest == check.expected_tools


def _first_neutral(
    answers: Iterable[tuple[Pod, PodAnswer]], check: Check, known: Answers
) -> tuple[VerifiedReason, str] | None:
    """Return why the operator cannot ask the first server that it cannot ask."""
    pinned = "; without that, expectTools cannot be checked" if check.expected_tools else ""
    for pod, answer in answers:
        name = pod.metadata.name
        if answer.result is Result.UNREACHABLE:
            kubelet = ", though the kubelet can" if pod.is_ready and check.is_port_probed else ""
            return VerifiedReason.UNREACHABLE, (
                f"the operator cannot connect to pod {name}{kubelet}: let the pods of namespace "
                f"{check.asker} in on port {check.port}, by a NetworkPolicy or the rules of the "
                f'mesh, or write verification: {{mode: "Off"}}{pinned}'
            )
        if answer.result is Result.AUTH_REQUIRED:
            remedy = known.missing_headers or (
                "the headers of verification.headersFrom do not let the operator in"
                if check.secrets
                else "to be let in, write verification.headersFrom with a Secret of headers"
            )
            return (
                VerifiedReason.AUTH_REQUIRED,
                f"pod {name} wants to know who asks; {remedy}{pinned}",
            )
    return None


def _difference(answers: Sequence[tuple[Pod, PodAnswer]]) -> str:
    """Return in what the pods of one revision differ, and which; empty where they do not."""
    servers = {
        pod.metadata.name: answer.server for pod, answer in answers if answer.server is not None
    }
    if len(servers) < 2:
        return ""
    first, one = next(iter(servers.items()))
    others = {name: each for name, each in servers.items() if _identity(each) != _identity(one)}
    if not others:
        return ""
    fields = [
        field
        for field, value in _identity(one).items()
        if any(_identity(each)[field] != value for each in others.values())
    ]
    named = [f"{name} is {_words(each)}" for name, each in list(others.items())[:_MOST_NAMED]]
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return (
        f"pods of one revision differ in {', '.join(fields)}: {first} is {_words(one)}, "
        f"{', '.join(named)}{more}"
    )


def _identity(server: Server) -> dict[str, object]:
    return {
        "name": server.name,
        "version": server.version,
        "protocol version": server.protocol_version,
        "capabilities": server.capabilities,
        "tools": server.tools.digest if server.tools is not None else "",
    }


def _describe(answers: Sequence[tuple[Pod, PodAnswer]]) -> str:
    server = answers[0][1].server
    of_all = f"{len(answers)} of {len(answers)} pods answered"
    return f"{of_all}: {_words(server)}" if server is not None else of_all


def _words(server: Server) -> str:
    """Return who a server says it is, in a few words."""
    named = " ".join(part[:_SHOWN] for part in (server.name, server.version) if part)
    count = server.tools.count if server.tools is not None else 0
    tools = f"{count} tool{'' if count == 1 else 's'}"
    return f"{named or 'a server without a name'}, {server.era} {server.protocol_version}, {tools}"


def _server_of(answers: Iterable[tuple[Pod, PodAnswer]]) -> ServerStatus | None:
    server = next((answer.server for _, answer in answers if answer.server is not None), None)
    if server is None:
        return None
    tools = server.tools
    return ServerStatus(
        era=server.era,
        protocol_version=server.protocol_version,
        supported_versions=server.supported_versions,
        name=server.name,
        title=server.title,
        version=server.version,
        instructions_length=server.instructions_length,
        capabilities=server.capabilities,
        tools=None if tools is None else ToolListing(count=tools.count, digest=tools.digest),
        prompts=None if server.prompts is None else Listing(count=server.prompts),
        resources=None if server.resources is None else Listing(count=server.resources),
    )
