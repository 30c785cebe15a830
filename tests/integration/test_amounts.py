"""A pod is taken where its server's own resources are; and if not, whose amount it is, is told."""

import asyncio
from typing import Any

import pytest

from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import Policy, build_draft
from mcpworkload.controller.status import Amounts
from mcpworkload.kube.manifest import Manifest
from tests.support.api import RequestFailed
from tests.support.manifests import make_object
from tests.support.namespace import Namespace

STDIO: dict[str, Any] = {"transport": {"type": "stdio"}}
SERVERS: dict[str, dict[str, Any]] = {
    "inject": {**STDIO, "command": ["weather"]},
    "attach": STDIO,
    "http": {"transport": {"type": "sse"}},
}
WHOLE = {
    "requests": {"cpu": "200m", "memory": "256Mi"},
    "limits": {"cpu": "200m", "memory": "256Mi"},
}
RANGE = {
    "type": "Container",
    "min": {"cpu": "50m", "memory": "100Mi"},
    "max": {"cpu": "1", "memory": "300Mi"},
    "maxLimitRequestRatio": {"cpu": "1", "memory": "1"},
}
QUOTA = {"requests.cpu": "4", "limits.cpu": "4", "requests.memory": "4Gi", "limits.memory": "4Gi"}


def draft(spec: Manifest) -> tuple[Workload, Manifest]:
    """A workload and its pods' template."""
    body = make_object("MCPWorkload", "weather", spec={"image": "weather:1", **spec})
    workload = Workload.parse(body)
    return workload, build_draft(workload, Policy(bridge_image="bridge:1")).template


async def judge(namespace: Namespace, template: Manifest) -> str:
    """Why the namespace does not take such a pod; empty where it does."""
    # That there is an account is another admission's question.
    spec = {name: part for name, part in template["spec"].items() if name != "serviceAccountName"}
    try:
        await namespace.create(make_object("Pod", "weather", spec=spec), dry_run=True)
    except RequestFailed as refused:
        return refused.message
    return ""


async def close_in(namespace: Namespace) -> None:
    """Give the namespace a quota and a LimitRange, and wait until both are enforced."""
    await namespace.create(make_object("LimitRange", "limits", spec={"limits": [RANGE]}))
    await namespace.create(make_object("ResourceQuota", "quota", spec={"hard": QUOTA}))
    probe = draft(SERVERS["http"])[1]
    for _ in range(100):
        if "per Container" in await judge(namespace, probe):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the LimitRange does not hold")


async def test_helpers_fit_where_their_server_does(namespace: Namespace) -> None:
    """With whichever bridge, in a namespace that counts and bounds everything."""
    await close_in(namespace)

    verdicts = {
        name: await judge(namespace, draft({**spec, "resources": WHOLE})[1])
        for name, spec in SERVERS.items()
    }

    assert verdicts == dict.fromkeys(SERVERS, "")


@pytest.mark.parametrize("name", SERVERS)
async def test_a_refused_amount_is_explained(namespace: Namespace, name: str) -> None:
    """In the API server's own words of this version, whatever it finds."""
    await close_in(namespace)
    workload, template = draft(SERVERS[name])

    said = await judge(namespace, template)
    added = Amounts(lambda: (template, workload.spec.resources)).explain(said)

    assert "per Container" in said
    assert "; container mcp has " in added
    assert "by the operator's default: write spec.resources." in added
    assert ("container mcpw-bridge has " in added) == (name != "http")
