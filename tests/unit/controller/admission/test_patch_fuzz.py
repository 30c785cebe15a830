"""
Patches that nobody would think of, over the template of a real workload.

Two promises: whatever the operations, nothing but `PatchRejected` and `PolicyDenied` comes out;
and what passes holds nothing that is forbidden, by the judgement of an oracle that shares no
code with the policy: it does not know where fields belong, it only forbids them everywhere.
"""

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from mcpworkload.api.patch import PatchOperation
from mcpworkload.api.refusals import PatchRejected, PolicyDenied
from mcpworkload.controller.admission.policy import check_template
from mcpworkload.controller.admission.template_patch import apply_template_patch
from mcpworkload.controller.desired import Policy
from mcpworkload.controller.desired.pod import build_pod_template
from mcpworkload.controller.settings import PodSecurity
from tests.support.parsed import make_workload
from tests.support.templates import INIT

# As many as `make unit` has the seconds for; `make search` tries more.
EXAMPLES = min(10 * settings().max_examples, 30_000)

BASE = build_pod_template(make_workload(env=[{"name": "K", "value": "s3cret"}]))
BASE["spec"]["initContainers"] = [INIT]
UNTOUCHED = deepcopy(BASE)

FIELDS = (
    *("metadata", "labels", "annotations", "finalizers", "namespace", "ownerReferences"),
    *("spec", "containers", "initContainers", "ephemeralContainers", "volumes", "nodeName"),
    *("hostNetwork", "hostPID", "hostIPC", "securityContext", "priorityClassName", "os"),
    *("privileged", "capabilities", "add", "drop", "procMount", "allowPrivilegeEscalation"),
    *("seccompProfile", "appArmorProfile", "seLinuxOptions", "type", "user", "runAsUser"),
    *("windowsOptions", "hostProcess", "sysctls", "name", "image", "ports", "hostPort", "env"),
    *("livenessProbe", "lifecycle", "preStop", "httpGet", "tcpSocket", "host", "projected"),
    *("sources", "serviceAccountToken", "hostPath", "emptyDir", "resources", "limits"),
    *("mcpworkload.dev/workload", "mcpworkload.dev/x", "runAsNonRoot", "value"),
)


def pointers(node: Any, path: str = "") -> Iterator[str]:
    """Every place in *node*, and after the end of every list."""
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from pointers(value, f"{path}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        yield f"{path}/-"
        for number, value in enumerate(node):
            yield from pointers(value, f"{path}/{number}")


def escaped(step: str) -> str:
    """A step of a pointer."""
    return step.replace("~", "~0").replace("/", "~1")


# The dangerous places of a pod, so that examples meet them more often than by luck.
DANGEROUS: tuple[tuple[str, Any], ...] = (
    ("/spec/hostNetwork", True),
    ("/spec/hostPID", True),
    ("/spec/hostIPC", True),
    ("/spec/nodeName", "node-1"),
    ("/spec/priorityClassName", "system-node-critical"),
    ("/spec/ephemeralContainers", [{"name": "debug"}]),
    ("/spec/volumes/-", {"name": "h", "hostPath": {"path": "/"}}),
    ("/spec/volumes/-", {"name": "t", "projected": {"sources": [{"serviceAccountToken": {}}]}}),
    ("/spec/initContainers/-", {"name": "i", "securityContext": {"privileged": True}}),
    ("/spec/initContainers/-", {"name": "i", "ports": [{"containerPort": 1, "hostPort": 1}]}),
    ("/spec/containers/-", {"name": "c", "securityContext": {"capabilities": {"add": ["ALL"]}}}),
    ("/spec/containers/0", {"name": "first"}),
    ("/spec/containers/0/securityContext/privileged", True),
    ("/spec/containers/0/securityContext/procMount", "Unmasked"),
    ("/spec/containers/0/readinessProbe/tcpSocket/host", "10.0.0.1"),
    ("/spec/containers/0/lifecycle/preStop/httpGet", {"host": "10.0.0.1", "port": 1}),
    ("/spec/securityContext/seccompProfile/type", "Unconfined"),
    ("/spec/securityContext/seLinuxOptions", {"type": "spc_t"}),
    ("/spec/securityContext/appArmorProfile", {"type": "Unconfined"}),
    ("/spec/securityContext/windowsOptions", {"hostProcess": True}),
    ("/spec/securityContext/sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    ("/metadata/finalizers", ["x/y"]),
    ("/metadata/ownerReferences", []),
    ("/metadata/labels/mcpworkload.dev~1workload", "other"),
    ("/metadata/labels", {}),
)
HARMLESS: tuple[tuple[str, Any], ...] = (
    ("/spec/nodeSelector", {"a": "b"}),
    ("/spec/containers/0/env/-", {"name": "X", "value": "y"}),
    ("/spec/containers/0/image", "weather:2"),
    ("/spec/initContainers/-", {"name": "i", "image": "i"}),
    ("/spec/volumes/-", {"name": "v", "emptyDir": {}}),
    ("/spec/securityContext/runAsUser", 0),
    ("/metadata/annotations/x", "y"),
)

# Made by a generator of its own with a fixed seed, for hypothesis to combine: that is ten times
# faster than to let it build every value.
_RANDOM = random.Random(6902)  # noqa: S311 - no secret depends on it
SCALARS = (None, True, False, 0, 1, -1, 2**63 - 1, 0.5, 1e300, "", "mcp", "weather", "Unconfined")


def _junk(depth: int = 3) -> Any:
    kind = _RANDOM.choice(("list", "mapping", "scalar", "field")) if depth else "scalar"
    if kind == "list":
        return [_junk(depth - 1) for _ in range(_RANDOM.randrange(4))]
    if kind == "mapping":
        keys = _RANDOM.sample(FIELDS, _RANDOM.randrange(4))
        return {key: _junk(depth - 1) for key in keys}
    return _RANDOM.choice(FIELDS if kind == "field" else SCALARS)


def _junk_pointer() -> str:
    start = _RANDOM.choice(PLACES)
    steps = (*FIELDS, "0", "1", "-", "00", "9" * 30, "~", "", "\N{SNOWMAN}")
    ends = (escaped(_RANDOM.choice(steps)) for _ in range(_RANDOM.randrange(1, 4)))
    return "/".join((_RANDOM.choice((start, "")), *ends))


PLACES = sorted(pointers(BASE))
POINTERS = (*PLACES * 3, *(_junk_pointer() for _ in range(2 * len(PLACES))))
VALUES = (
    *SCALARS,
    *(value for _, value in (*DANGEROUS, *HARMLESS)),
    *(_junk() for _ in range(200)),
)
KINDS = (*("add", "replace", "move", "copy") * 3, "remove", "test")


def _operation(op: str, path: str, value: Any, source: str = "") -> PatchOperation:
    others = {"from": source} if op in ("move", "copy") else {"value": value}
    return PatchOperation.model_validate(
        {"op": op, "path": path, **({} if op == "remove" else others)}
    )


def _junk_operation() -> PatchOperation:
    choice = _RANDOM.choice
    return _operation(choice(KINDS), choice(POINTERS), choice(VALUES), choice(POINTERS))


OPERATIONS = st.one_of(
    st.sampled_from([_operation("add", path, value) for path, value in HARMLESS]),
    st.sampled_from([_operation("add", path, value) for path, value in DANGEROUS]),
    st.sampled_from([_junk_operation() for _ in range(5000)]),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(OPERATIONS, min_size=1, max_size=4), st.sampled_from(PodSecurity))
@pytest.mark.timeout(120)
def test_no_patch_gets_past_the_policy(
    operations: list[PatchOperation], pod_security: PodSecurity
) -> None:
    """Refused with one of two reasons, or harmless."""
    message = ""
    try:
        template = apply_template_patch(BASE, operations)
        check_template(template, BASE, operations, Policy(pod_security))
    except (PatchRejected, PolicyDenied) as refusal:
        message = str(refusal)
        event(f"refused: {type(refusal).__name__}")
    else:
        event("passed, changed" if template != UNTOUCHED else "passed, unchanged")
        assert violations(template, pod_security) == []
    if not any(operation.from_ for operation in operations):
        # Whoever copies it to a place of which messages speak wants it there.
        assert "s3cret" not in message
    assert BASE == UNTOUCHED


def violations(template: Any, pod_security: PodSecurity) -> list[str]:
    """What the oracle finds, by looking for forbidden things in a way of its own."""
    found = [*_ours(template)]
    if pod_security is not PodSecurity.PRIVILEGED:
        spec = template["spec"]
        containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
        found += [f for f in ("hostNetwork", "hostPID", "hostIPC") if spec.get(f)]
        found += ["hostPath" for volume in spec.get("volumes") or () if volume.get("hostPath")]
        for owner in (spec, *containers):
            found += _of_context(owner.get("securityContext") or {}, pod_security)
        for container in containers:
            found += _of_container(container)
    return found


def _ours(template: Any) -> Iterator[str]:
    spec, metadata = template["spec"], template["metadata"]
    if spec["containers"][0]["name"] != "mcp":
        yield "another container is first"
    if metadata["labels"].get("mcpworkload.dev/workload") != "weather":
        yield "the label that selects"
    if {key for key, value in metadata.items() if value is not None} - {"labels", "annotations"}:
        yield "metadata"
    if spec.get("nodeName") or str(spec.get("priorityClassName")).startswith("system-"):
        yield "scheduling"
    if spec.get("ephemeralContainers"):
        yield "ephemeral containers"
    for volume in spec.get("volumes") or ():
        sources = (volume.get("projected") or {}).get("sources") or ()
        if any(source and source.get("serviceAccountToken") is not None for source in sources):
            yield "a token"


def _of_context(context: dict[str, Any], pod_security: PodSecurity) -> Iterator[str]:
    capabilities = context.get("capabilities") or {}
    bad = {
        "privileged": context.get("privileged"),
        "procMount": context.get("procMount") not in (None, "Default"),
        "hostProcess": (context.get("windowsOptions") or {}).get("hostProcess"),
        "capabilities": {"ALL", "SYS_ADMIN"} & set(map(str, capabilities.get("add") or ())),
        "seccomp": "Unconfined" in json.dumps(context.get("seccompProfile")),
        "AppArmor": "Unconfined" in json.dumps(context.get("appArmorProfile")),
        "SELinux": (context.get("seLinuxOptions") or {}).get("type") == "spc_t",
        "sysctls": "kernel.msgmax" in json.dumps(context.get("sysctls")),
        "root": pod_security is PodSecurity.RESTRICTED and context.get("runAsUser") == 0,
    }
    yield from (name for name, is_bad in bad.items() if is_bad)


def _of_container(container: dict[str, Any]) -> Iterator[str]:
    if any(port and port.get("hostPort") for port in container.get("ports") or ()):
        yield "hostPort"
    hooks = container.get("lifecycle") or {}
    probes = [container.get(f"{kind}Probe") for kind in ("liveness", "readiness", "startup")]
    for handler in (*probes, hooks.get("preStop"), hooks.get("postStart")):
        for way in ("httpGet", "tcpSocket"):
            if ((handler or {}).get(way) or {}).get("host"):
                yield "another host"


def test_the_oracle_sees_what_is_forbidden() -> None:
    """One that is blind would agree with anything."""
    seen = []
    for path, value in DANGEROUS:
        operation = PatchOperation(op="add", path=path, value=value)
        # Some are possible only after another operation has made room for them.
        with suppress(PatchRejected):
            template = apply_template_patch(BASE, [operation])
            seen.append((path, bool(violations(template, PodSecurity.BASELINE))))

    assert len(seen) == len(DANGEROUS)
    assert [path for path, is_seen in seen if not is_seen] == []
