"""The inputs of a status beside the live objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpworkload.api import names
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import Check, Grants, server_url
from mcpworkload.controller.status.amounts import Amounts
from mcpworkload.controller.status.notes import notes_of, notes_of_grants
from mcpworkload.kube.redaction import Secrets


@dataclass(frozen=True, slots=True)
class StatusInput:
    """The facts of a workload that its status needs; without a valid spec, those that are known."""

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
    #: What its author should know of a spec that was accepted.
    notes: tuple[str, ...] = ()
    #: What the server itself speaks, and where; empty and 0 where a bridge serves it.
    transport: str = ""
    port: int = 0
    #: Whether the server's standard input is open, so that it does not end at once by reading it.
    has_stdin: bool = False
    #: What of the spec must not be repeated when others say it.
    secrets: Secrets = field(default_factory=Secrets, compare=False)
    #: What the pods ask for, as far as a template could be made.
    amounts: Amounts = field(default_factory=Amounts, compare=False)
    name: str = ""
    #: What its profile grants; None while that is not known.
    grants: Grants | None = None
    #: Whether isolated pods start with a gate.
    is_gated: bool = True
    #: How its servers are verified; None while that is not known.
    check: Check | None = None

    @classmethod
    def of(
        cls,
        workload: Workload,
        amounts: Amounts | None = None,
        grants: Grants | None = None,
        check: Check | None = None,
        *,
        is_gated: bool = True,
    ) -> "StatusInput":
        """Return the inputs for a workload with a valid spec, whose pods ask for *amounts*."""
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
            notes=(*notes_of(workload), *notes_of_grants(grants)),
            transport="" if workload.spec.bridge else workload.spec.transport.type,
            port=0 if workload.spec.bridge else workload.spec.transport.port,
            has_stdin=bool(workload.spec.stdin),
            secrets=Secrets(
                lambda: workload.spec.model_dump(by_alias=True, exclude_unset=True),
                names_of(workload.namespace, workload.name),
            ),
            amounts=amounts or Amounts(),
            name=workload.name,
            grants=grants,
            is_gated=is_gated,
            check=check,
        )

    @classmethod
    def of_invalid(cls, body: Mapping[str, Any]) -> "StatusInput":
        """Return the input for a body that does not parse: what was true stays."""
        status = body.get("status") or {}
        return cls(
            generation=body["metadata"].get("generation", 0),
            uid=body["metadata"]["uid"],
            replicas=status.get("replicas", 0),
            selector=status.get("selector", ""),
            url=status.get("url", ""),
            status=status,
            secrets=Secrets(
                lambda: body.get("spec") or {},
                names_of(body["metadata"].get("namespace", ""), body["metadata"].get("name", "")),
            ),
        )


def names_of(namespace: str, name: str) -> tuple[str, ...]:
    """Return what every message about a workload may contain: its key, its namespace, its name."""
    return (f"{namespace}/{name}", namespace, name)
