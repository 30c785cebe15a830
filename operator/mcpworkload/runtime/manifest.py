"""Pure: the MCPWorkload that stands for the arguments of `deploy_workload`."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mcpworkload.api.names import API_VERSION, KIND
from mcpworkload.kube.keys import object_key
from mcpworkload.runtime.checking import checked
from mcpworkload.runtime.errors import WorkloadInvalid
from mcpworkload.runtime.ports import ports_spec
from mcpworkload.runtime.profiles import PermissionProfile
from mcpworkload.runtime.types import DeployWorkloadOptions, new_deploy_workload_options


def located(workload_id: str, namespace: str, argument: str) -> tuple[str, str]:
    """
    Return the namespace and the name in an id; *namespace* where the id has none.

    Raises:
        WorkloadInvalid: the id names another namespace than *namespace*.
    """
    given, slash, name = workload_id.rpartition("/")
    if slash and namespace not in ("", given):
        raise WorkloadInvalid(
            f"{argument} names the namespace {given}, and namespace is {namespace}",
            workload=workload_id,
            reason="Invalid",
            advice="give the namespace once",
            fields=(argument, "namespace"),
        )
    return (given if slash else namespace), name


@dataclass(frozen=True)
class Program:
    """The program of the server's container: the image, and what overrides its defaults."""

    image: str
    #: The entry point in place of the image's; empty for the image's own.
    entrypoint: Sequence[str]
    #: The arguments of the entry point.
    command: Sequence[str]
    env_vars: Mapping[str, str] | None


@dataclass(frozen=True)
class Settings:
    """All else of a workload; each field is the argument of `deploy_workload` of that name."""

    labels: Mapping[str, str] | None
    permission_profile: PermissionProfile | None
    transport_type: str
    options: DeployWorkloadOptions | None
    isolate_network: bool
    replicas: int | None


@checked
def build_workload(
    image: str,
    name: str,
    command: Sequence[str] = (),
    env_vars: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    permission_profile: PermissionProfile | None = None,
    transport_type: str = "streamable-http",
    options: DeployWorkloadOptions | None = None,
    isolate_network: bool = False,
    *,
    namespace: str,
    entrypoint: Sequence[str] = (),
    replicas: int | None = None,
) -> dict[str, Any]:
    """
    Return the manifest that `deploy_workload` applies for these arguments, ready for GitOps.

    Equal arguments give equal manifests, whatever the order of mappings; none is changed. The
    manifest has only the fields that an argument asks for, so other clients (`kubectl scale`,
    autoscalers, `stop_workload`) may own all others.

    Raises:
        WorkloadInvalid: an argument cannot be expressed; `fields` names it.
    """
    namespace, name = located(name, namespace, "name")
    program = Program(image, entrypoint, command, env_vars)
    settings = Settings(
        labels, permission_profile, transport_type, options, isolate_network, replicas
    )
    return manifest_of(namespace, name, program, settings)


def manifest_of(namespace: str, name: str, program: Program, settings: Settings) -> dict[str, Any]:
    """
    Return the MCPWorkload that runs *program* with *settings*.

    Raises:
        WorkloadInvalid: as `build_workload`.
    """
    options = settings.options or new_deploy_workload_options()
    labels = dict(sorted((settings.labels or {}).items()))
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    with _about(object_key(namespace, name)):
        spec = _spec(program, options)
    spec["transport"] = _transport(spec, settings.transport_type)
    spec |= _optional(settings, labels)
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


@contextmanager
def _about(workload: str) -> Iterator[None]:
    """Name *workload* in each refusal."""
    try:
        yield
    except WorkloadInvalid as error:
        raise WorkloadInvalid(
            error.message, workload=workload, advice=error.advice, fields=error.fields
        ) from None


def _spec(program: Program, options: DeployWorkloadOptions) -> dict[str, Any]:
    env_vars = program.env_vars or {}
    spec: dict[str, Any] = {"image": program.image, **ports_spec(options, env_vars)}
    if program.entrypoint:
        spec["command"] = list(program.entrypoint)
    if program.command:
        spec["args"] = list(program.command)
    if env_vars:
        spec["env"] = [{"name": key, "value": env_vars[key]} for key in sorted(env_vars)]
    if options.attach_stdio:
        spec["stdin"] = True
    if options.k8s_pod_template_patch:
        spec["podTemplatePatch"] = _operations(options.k8s_pod_template_patch)
    if options.sse_headless_service_name:
        service = spec.setdefault("service", {})
        service["headlessAlias"] = options.sse_headless_service_name
    if options.verification:
        spec["verification"] = {"mode": options.verification}
    if options.session_affinity:
        service = spec.setdefault("service", {})
        service |= {"type": "ClusterIP", "sessionAffinity": "ClientIP"}
    return spec


def _transport(spec: Mapping[str, Any], transport_type: str) -> dict[str, Any]:
    transport = {"type": transport_type, **spec["transport"]}
    if transport_type == "stdio" and spec.get("stdin"):
        # The caller attaches and is the server's one client; a bridge would be a second one.
        transport["stdio"] = {"bridge": "None"}
    return transport


def _optional(settings: Settings, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of the spec that are absent unless an argument asks for them."""
    fields: dict[str, Any] = {}
    if settings.replicas is not None:
        fields["replicas"] = settings.replicas
    if labels:
        fields["labels"] = dict(labels)
    if settings.permission_profile is not None:
        fields["permissionProfile"] = settings.permission_profile.to_spec()
    if settings.isolate_network:
        fields["isolateNetwork"] = True
    return fields


def _operations(text: str) -> list[Any]:
    try:
        operations = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _no_patch(f"is not JSON: {error}") from None
    if not isinstance(operations, list):
        raise _no_patch("holds no array")
    return operations


def _no_number(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _finite(text: str) -> float:
    if math.isfinite(number := float(text)):
        return number
    raise ValueError("a number in it is too large")


def _no_patch(why: str) -> WorkloadInvalid:
    return WorkloadInvalid(
        f"k8s_pod_template_patch {why}",
        advice='write an array of RFC 6902 operations: [{"op": "add", "path": ..., "value": ...}]',
        fields=("k8s_pod_template_patch",),
    )
