"""Pure: the MCPWorkload that stands for the arguments of `deploy_workload`."""

import json
import math
from collections.abc import Mapping, Sequence
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
    Namespace and name that an id stands for, with *namespace* where it says none.

    Raises:
        WorkloadInvalid: it names another namespace.
    """
    given, slash, name = workload_id.rpartition("/")
    if slash and namespace not in ("", given):
        raise WorkloadInvalid(
            f"{argument} names the namespace {given}, and namespace is {namespace}",
            workload=workload_id,
            reason="Invalid",
            advice="say it once",
            fields=(argument, "namespace"),
        )
    return (given if slash else namespace), name


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
    The manifest that `deploy_workload` applies for these arguments, as GitOps could commit it.

    Equal arguments give equal manifests, whatever the order of mappings; none is changed. A
    field is there only where an argument asks for it, so that all others stay open to others
    (`kubectl scale`, autoscalers, `stop_workload`).

    Raises:
        WorkloadInvalid: an argument cannot be expressed; names it.
    """
    if "/" in name:
        namespace, name = located(name, namespace, "name")
    options = options or new_deploy_workload_options()
    env_vars, labels = env_vars or {}, dict(sorted((labels or {}).items()))
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    try:
        spec = _spec(image, command, env_vars, options, entrypoint)
    except WorkloadInvalid as error:
        key = object_key(namespace, name)
        raise WorkloadInvalid(
            error.message, workload=key, advice=error.advice, fields=error.fields
        ) from None
    spec["transport"] = {
        "type": transport_type,
        **spec["transport"],
        **_bridge(spec, transport_type),
    }
    if replicas is not None:
        spec["replicas"] = replicas
    if labels:
        spec["labels"] = dict(labels)
    if permission_profile is not None:
        spec["permissionProfile"] = permission_profile.to_spec()
    if isolate_network:
        spec["isolateNetwork"] = True
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _spec(
    image: str,
    command: Sequence[str],
    env_vars: Mapping[str, str],
    options: DeployWorkloadOptions,
    entrypoint: Sequence[str],
) -> dict[str, Any]:
    spec: dict[str, Any] = {"image": image, **ports_spec(options, env_vars)}
    if entrypoint:
        spec["command"] = list(entrypoint)
    if command:
        spec["args"] = list(command)
    if env_vars:
        spec["env"] = [{"name": key, "value": env_vars[key]} for key in sorted(env_vars)]
    if options.attach_stdio:
        spec["stdin"] = True
    if options.k8s_pod_template_patch:
        spec["podTemplatePatch"] = _operations(options.k8s_pod_template_patch)
    if options.sse_headless_service_name:
        service = spec.setdefault("service", {})
        service["headlessAlias"] = options.sse_headless_service_name
    if options.session_affinity:
        service = spec.setdefault("service", {})
        service |= {"type": "ClusterIP", "sessionAffinity": "ClientIP"}
    return spec


def _bridge(spec: Mapping[str, Any], transport_type: str) -> dict[str, Any]:
    """Whoever attaches speaks with the server alone: a bridge would be a second voice."""
    is_attached = transport_type == "stdio" and spec.get("stdin")
    return {"stdio": {"bridge": "None"}} if is_attached else {}


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
