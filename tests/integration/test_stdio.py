"""
Stdio servers against a real API server: what is refused, and the account that attaching needs.

No pod starts here; how the bridge serves is tested end to end.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import build_children, find_forbidden
from mcpworkload.controller.plan.drift import first_difference
from tests.support import stdio_specs
from tests.support.api import APPLY, RequestFailed
from tests.support.audit import AuditLog
from tests.support.bridged import MOUNTED, POLICY
from tests.support.kinds import Manifest, path_of
from tests.support.manifests import make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, exists, has, has_condition, is_gone, is_ready
from tests.support.process import OperatorProcess
from tests.support.stdio_specs import AFFINE, COMMAND, stdio

UID = "0b9c0000-0000-4000-8000-000000000000"
ACCOUNT = ("ServiceAccount", "Role", "RoleBinding")
NAME = "weather-mcpw-bridge"


async def refusal_of(namespace: Namespace, spec: dict[str, Any]) -> str:
    """The API server's answer to a spec that it refuses."""
    with pytest.raises(RequestFailed) as caught:
        await namespace.create(make_workload("weather", **{"replicas": 1, **spec}), dry_run=True)
    assert caught.value.status == 422
    return caught.value.message


async def test_a_bad_spec_is_refused_where_and_as_the_operator_would(namespace: Namespace) -> None:
    """The same table as that of the models."""
    answers = await asyncio.gather(
        *(refusal_of(namespace, spec) for spec, _, _ in stdio_specs.BAD.values())
    )

    wrong = [
        (name, answer)
        for (name, (_, path, words)), answer in zip(stdio_specs.BAD.items(), answers, strict=True)
        if words not in answer or f"{path}: " not in answer
    ]
    assert wrong == []
    assert "spec.transport.stdio.serve[1]: Duplicate value" in await refusal_of(
        namespace, stdio({"serve": ["sse", "sse"]})
    )


@pytest.mark.parametrize("spec", stdio_specs.GOOD.values(), ids=stdio_specs.GOOD)
async def test_what_is_built_is_accepted_and_no_drift(
    namespace: Namespace, spec: dict[str, Any]
) -> None:
    """Of specs that the CRD takes, whichever way the bridge comes into the pods."""
    body = make_workload("weather", **{"replicas": 1, **spec})
    await namespace.create(body, dry_run=True)
    body["metadata"] |= {"namespace": namespace.name, "uid": UID}
    query = {"dryRun": "All", "fieldManager": "mcpworkload", "fieldValidation": "Strict"}
    for policy in (POLICY, MOUNTED):
        for child in build_children(Workload.parse(body), policy):
            path = path_of(child.id.kind, namespace.name, child.id.name)
            stored = await namespace.api.request("PATCH", path, child.manifest, APPLY, query)

            assert first_difference(child.content, stored) is None
            if child.id.kind == "StatefulSet":
                live, template = (each["spec"]["template"] for each in (stored, child.content))
                assert find_forbidden(live, template, policy) == ()


async def test_replicas_whose_sessions_would_mix_are_refused_by_scale_too(
    namespace: Namespace,
) -> None:
    """Autoscalers and `kubectl scale` write there."""
    await namespace.apply(make_workload("weather", **stdio(**COMMAND)))
    body = {"spec": {"replicas": 2}}

    with pytest.raises(RequestFailed, match="its requests would go to others, too"):
        await namespace.api.patch(
            "MCPWorkload", namespace.name, "weather", body, subresource="scale"
        )
    await namespace.apply(make_workload("weather", **stdio(**COMMAND, **AFFINE)))
    await namespace.api.patch("MCPWorkload", namespace.name, "weather", body, subresource="scale")


def resource_names(role: Manifest) -> list[str]:
    """The pods that a Role names."""
    return [name for rule in role["rules"] or () for name in rule["resourceNames"]]


async def test_the_service_account_is_made_kept_and_deleted(
    namespace: Namespace, audit: AuditLog
) -> None:
    """It follows replicas, drift is undone, and it goes when the bridge is injected instead."""
    unschedulable = {"nodeSelector": {"no.example.com/such": "node"}}
    attached = make_workload("weather", **stdio(**AFFINE, **unschedulable))
    await namespace.settle(attached)
    role = await namespace.get("Role", NAME)
    assert role["rules"] in (None, [])

    await namespace.apply({**attached, "spec": {**attached["spec"], "replicas": 2}})
    wanted = has("names a pod", "weather-0", "rules", 0, "resourceNames", 0)
    role = await namespace.until("Role", NAME, wanted)
    assert resource_names(role) == ["weather-0", "weather-1"]
    binding = await namespace.get("RoleBinding", NAME)
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": NAME, "namespace": namespace.name}
    ]
    pod = await namespace.until("Pod", "weather-0", exists())
    assert pod["spec"]["serviceAccountName"] == NAME

    await namespace.api.patch("Role", namespace.name, NAME, {"rules": []})
    await namespace.until("Role", NAME, wanted)

    log = audit.from_now()
    injected = make_workload("weather", **stdio(**AFFINE, **COMMAND, **unschedulable))
    await namespace.apply({**injected, "spec": {**injected["spec"], "replicas": 0}})
    for kind in ACCOUNT:
        await namespace.until(kind, NAME, is_gone())
    statefulset = await namespace.get("StatefulSet", "weather")
    assert "serviceAccountName" not in statefulset["spec"]["template"]["spec"]
    await namespace.until("MCPWorkload", "weather", is_ready())
    written = [str(each) for each in log.writes(namespace.name)]
    assert sorted(each for each in written if each.startswith("delete")) == [
        "delete rolebindings",
        "delete roles",
        "delete serviceaccounts",
    ]


async def test_a_service_account_of_another_owner_is_left_alone(namespace: Namespace) -> None:
    """Its name is taken: nothing is made, and the message says by what."""
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "labels": {"owner": "somebody"}},
    }
    await namespace.create(account)
    await namespace.apply(make_workload("weather", **stdio()))

    conflict = has_condition("Accepted", "False", "ChildConflict")
    workload = await namespace.until("MCPWorkload", "weather", conflict)

    assert f"the ServiceAccount {NAME} exists" in condition_of(workload, "Accepted")["message"]
    assert await namespace.read_all("StatefulSet") == []
    found = await namespace.get("ServiceAccount", NAME)
    assert found["metadata"]["labels"] == {"owner": "somebody"}


async def test_where_attaching_is_denied_a_command_is_asked_for(
    operator: OperatorProcess, namespace: Namespace, tmp_path: Path
) -> None:
    """And none of the three kinds is looked at; with a command it is served."""
    operator.stop()
    environment = {**operator.environment, "MCPWORKLOAD_ATTACH": "denied"}
    strict = OperatorProcess(operator.kubeconfig, tmp_path / "log", operator.identity, environment)
    strict.start_leading()
    try:
        await namespace.apply(make_workload("weather", **stdio()))
        denied = has_condition("Stalled", "True", "PolicyDenied")
        workload = await namespace.until("MCPWorkload", "weather", denied)
        message = condition_of(workload, "Accepted")["message"]
        assert "MCPWORKLOAD_ATTACH is denied" in message

        workload = await namespace.settle(make_workload("weather", **stdio(**COMMAND)))
        assert workload["status"]["url"] == f"http://weather.{namespace.name}.svc:8080/mcp"
        assert "Inject, because command is set" in condition_of(workload, "Accepted")["message"]
    finally:
        assert strict.stop() == 0
