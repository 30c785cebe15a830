"""docs/reach.md: what it has users copy is taken by the API server, and leads to the server."""

import re
from pathlib import Path
from typing import Any

import yaml

from mcpworkload.api.names import TRANSPORT_PORT, WORKLOAD_LABEL, service_name
from tests.support.namespace import Namespace

PAGE = Path(__file__).parents[2] / "docs" / "reach.md"
# Its CRD belongs to the gateway that one installs.
FOREIGN = "HTTPRoute"


def read_manifests() -> dict[str, Any]:
    """The page's manifests, by kind."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {manifest["kind"]: manifest for manifest in map(yaml.safe_load, blocks)}


async def test_the_api_server_takes_what_the_page_shows(namespace: Namespace) -> None:
    """As it stands, but for the namespace."""
    manifests = read_manifests()
    assert set(manifests) == {"HTTPRoute", "Ingress", "MCPWorkload", "NetworkPolicy"}

    for kind, manifest in manifests.items():
        if kind != FOREIGN:
            del manifest["metadata"]["namespace"]
            created = await namespace.create(manifest, dry_run=True)
            assert created["metadata"]["name"] == "weather"


async def test_what_the_page_shows_leads_to_the_server(namespace: Namespace) -> None:
    """Routes name the Service that the operator makes, and the policy its pods."""
    manifests = read_manifests()
    workload = manifests["MCPWorkload"]
    name, labels = workload["metadata"]["name"], {WORKLOAD_LABEL: workload["metadata"]["name"]}
    policy, route = manifests["NetworkPolicy"]["spec"], manifests["HTTPRoute"]["spec"]
    del workload["metadata"]["namespace"]
    await namespace.settle({**workload, "spec": {**workload["spec"], "replicas": 0}})
    service = await namespace.get("Service", service_name(name))
    port = service["spec"]["ports"][0]

    ingress = manifests["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert ingress == {"name": service_name(name), "port": {"name": TRANSPORT_PORT}}
    assert port["name"] == TRANSPORT_PORT
    backend = route["rules"][0]["backendRefs"][0]
    assert backend == {"name": service_name(name), "port": port["port"]}
    assert policy["podSelector"]["matchLabels"] == labels == service["spec"]["selector"]
    assert policy["ingress"][0]["ports"] == [{"port": port["port"]}]
