"""What a status is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpworkload import names
from mcpworkload.desired import server_url
from mcpworkload.discretion import Secrets
from mcpworkload.models import Bridge, Workload


@dataclass(frozen=True)
class Subject:
    """What the status is about; without a valid spec, as much of it as can be known."""

    generation: int
    #: The workload's own.
    uid: str
    #: How many pods there should be.
    replicas: int
    selector: str
    url: str
    #: The status as it is stored now.
    status: Mapping[str, Any]
    is_stopped: bool = False
    #: How many of the replicas have to run the newest template; None for all.
    to_update: int | None = None
    #: How many of the replicas may be missing without anything being wrong.
    may_miss: int = 1
    #: Whether a pod has to have been ready for a while before it counts.
    has_min_ready_seconds: bool = False
    #: Whether the status may quote what a server printed.
    may_quote: bool = False
    #: What was decided where the spec left it open; empty where nothing was.
    choice: str = ""
    #: What of the spec must not be repeated when others say it.
    secrets: Secrets = field(default_factory=Secrets, compare=False)

    @classmethod
    def of(cls, workload: Workload) -> "Subject":
        """The subject for a workload with a valid spec."""
        return cls(
            generation=workload.generation,
            uid=workload.uid,
            replicas=workload.spec.wanted_replicas,
            selector=f"{names.WORKLOAD_LABEL}={workload.name}",
            url=server_url(workload),
            status=workload.status,
            is_stopped=workload.spec.is_stopped,
            to_update=workload.spec.replicas_to_update,
            may_miss=workload.spec.replicas_that_may_miss,
            has_min_ready_seconds=bool(workload.spec.min_ready_seconds),
            may_quote=workload.spec.report_log_tail is not False,
            choice=_choice_of(workload),
            secrets=Secrets(lambda: workload.spec.model_dump(by_alias=True, exclude_unset=True)),
        )

    @classmethod
    def of_invalid(cls, body: Mapping[str, Any]) -> "Subject":
        """The subject for a body that does not parse: what was true stays."""
        status = body.get("status") or {}
        return cls(
            generation=body["metadata"].get("generation", 0),
            uid=body["metadata"]["uid"],
            replicas=status.get("replicas", 0),
            selector=status.get("selector", ""),
            url=status.get("url", ""),
            status=status,
            secrets=Secrets(lambda: body.get("spec") or {}),
        )


def _choice_of(workload: Workload) -> str:
    """How a stdio server is served, why so, and how it could be served better."""
    bridge, has_command = workload.spec.bridge, bool(workload.spec.command)
    if bridge is None:
        return ""
    if bridge is Bridge.NONE:
        return "nothing is served (bridge is None): attach to the server's standard input"
    is_open = (workload.spec.transport.stdio.bridge or "Auto") == "Auto"
    why = f"because command is {'set' if has_command else 'not set'}" if is_open else "as asked for"
    if bridge is Bridge.INJECT:
        return f"the bridge is in the server's container (Inject, {why})"
    remedy = "leave bridge out" if has_command else "write the image's entry point in command"
    return (
        f"the bridge is in a sidecar and attaches to the server (Attach, {why}); to have it in "
        f"the server's container, faster and without rights, {remedy}"
    )
