"""The rules between fields of a spec that its stdio server, and the bridge of that, depend on."""

from typing import TYPE_CHECKING, Final

from mcpworkload.api.base import Rule
from mcpworkload.api.stdio import Bridge

if TYPE_CHECKING:
    from mcpworkload.api.spec import WorkloadSpec

# A Role that names each pod has to end somewhere.
MAX_ATTACHED: Final = 100

_IS_STDIO = "(self.?transport.?type.orValue('') == 'stdio')"
_CHOICE = "self.?transport.?stdio.?bridge.orValue('Auto')"
_HAS_COMMAND = "(has(self.command) && self.command.size() > 0)"
_INJECTS = f"({_IS_STDIO} && ({_CHOICE} == 'Inject' || ({_CHOICE} == 'Auto' && {_HAS_COMMAND})))"
_ATTACHES = f"({_IS_STDIO} && ({_CHOICE} == 'Attach' || ({_CHOICE} == 'Auto' && !{_HAS_COMMAND})))"


def _attaches(spec: "WorkloadSpec") -> bool:
    return spec.bridge is Bridge.ATTACH


def _has_sessions_apart(spec: "WorkloadSpec") -> bool:
    return (
        spec.bridge in (None, Bridge.NONE)
        or spec.replicas <= 1
        or spec.service.session_affinity == "ClientIP"
    )


RULES: Final = (
    Rule(
        message=(
            "write the program that the image starts (its entry point) in command: bridge: "
            "Inject has to start it"
        ),
        cel=f"!({_IS_STDIO} && {_CHOICE} == 'Inject') || {_HAS_COMMAND}",
        holds=lambda spec: spec.bridge is not Bridge.INJECT or bool(spec.command),
        field_path=".command",
    ),
    Rule(
        message=(
            "write the program that the image starts in command, so that its bridge is injected, "
            "or sessions: Shared: a server that is attached to is one process for all clients"
        ),
        cel=(f"!{_ATTACHES} || self.?transport.?stdio.?sessions.orValue('Shared') == 'Shared'"),
        holds=lambda spec: not _attaches(spec) or spec.transport.stdio.sessions != "PerSession",
        field_path=".transport.stdio.sessions",
    ),
    Rule(
        message=(
            "write the program that the image starts in command, so that its bridge is injected, "
            "or leave serviceAccountName out: the pods of a server that is attached to have one "
            "of their own, which may attach to them"
        ),
        cel=f"!{_ATTACHES} || !has(self.serviceAccountName)",
        holds=lambda spec: not _attaches(spec) or spec.service_account_name is None,
        field_path=".serviceAccountName",
    ),
    Rule(
        message=(
            "write the program that the image starts in command, so that its bridge is injected, "
            "or leave automountServiceAccountToken out: the server would get the bridge's rights"
        ),
        cel=f"!{_ATTACHES} || !self.?automountServiceAccountToken.orValue(false)",
        holds=lambda spec: not _attaches(spec) or not spec.automount_service_account_token,
        field_path=".automountServiceAccountToken",
    ),
    Rule(
        message=(
            "leave stdin out: for stdio the operator opens it where somebody attaches, and an "
            "injected bridge gives the server one of its own"
        ),
        cel=f"!{_IS_STDIO} || !has(self.stdin) || self.stdin != {_INJECTS}",
        holds=lambda spec: (
            spec.bridge is None
            or spec.stdin is None
            or spec.stdin != (spec.bridge is Bridge.INJECT)
        ),
        field_path=".stdin",
    ),
    Rule(
        message=(
            "write 1, or service: {type: ClusterIP, sessionAffinity: ClientIP}: a session lives "
            "in one pod, and without affinity its requests would go to others, too"
        ),
        cel=(
            f"self.?replicas.orValue(1) <= 1 || !{_IS_STDIO} || {_CHOICE} == 'None' "
            "|| self.?service.?sessionAffinity.orValue('None') == 'ClientIP'"
        ),
        holds=_has_sessions_apart,
        field_path=".replicas",
    ),
    Rule(
        message=(
            "write the program that the image starts in command, so that its bridge is injected, "
            f"or at most {MAX_ATTACHED}: each pod that is attached to is named in a Role"
        ),
        cel=f"self.?replicas.orValue(1) <= {MAX_ATTACHED} || !{_ATTACHES}",
        holds=lambda spec: spec.replicas <= MAX_ATTACHED or not _attaches(spec),
        field_path=".replicas",
    ),
    Rule(
        message=(
            "write Headless, or a port in ports: without a bridge a stdio server has no port that "
            "a Service with an address could offer"
        ),
        cel=(
            f"!({_IS_STDIO} && {_CHOICE} == 'None') "
            "|| self.?service.?type.orValue('Headless') == 'Headless' "
            "|| (has(self.ports) && self.ports.size() > 0)"
        ),
        holds=lambda spec: (
            spec.bridge is not Bridge.NONE or not spec.service.has_own_service or bool(spec.ports)
        ),
        field_path=".service.type",
    ),
)
