"""Templates to judge: a built one, with something put into it."""

from typing import Any

import pytest

from mcpworkload.api.patch import PatchOperation
from mcpworkload.api.reasons import AcceptedReason
from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.controller.admission.policy import check_template
from mcpworkload.controller.desired import Policy
from mcpworkload.controller.desired.pod import build_pod_template
from mcpworkload.controller.settings import PodSecurity
from tests.support.parsed import make_workload

WIDEST = Policy(PodSecurity.PRIVILEGED)
#: An init container that passes Pod Security `restricted`.
INIT: dict[str, Any] = {
    "name": "init",
    "image": "init:1",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}


def build() -> dict[str, Any]:
    """The template of a minimal workload, with an init container."""
    template = build_pod_template(make_workload())
    template["spec"]["initContainers"] = [put(INIT)]
    return template


def put(target: Any, path: str = "", value: Any = None) -> Any:
    """A copy of *target* with *value* at the pointer *path*, and mappings on the way to it."""
    if isinstance(target, list):
        result: Any = [put(entry) for entry in target]
    elif isinstance(target, dict):
        result = {key: put(entry) for key, entry in target.items()}
    else:
        result = target
    if not path:
        return result
    *steps, last = [step.replace("~1", "/") for step in path.split("/")[1:]]
    node = result
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    if isinstance(node, list):
        node[int(last)] = value
    else:
        node[last] = value
    return result


def denial(template: Any, *operations: dict[str, Any], policy: Policy = WIDEST) -> str:
    """The message with which *template* is denied."""
    parsed = [PatchOperation.model_validate(operation) for operation in operations]
    with pytest.raises(PolicyDenied) as caught:
        check_template(template, build(), parsed, policy)
    assert caught.value.reason == AcceptedReason.POLICY_DENIED
    assert caught.value.retry_after is None
    return str(caught.value)
