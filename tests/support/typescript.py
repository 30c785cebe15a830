"""The official TypeScript client, run in a pod beside the servers that it talks to."""

import json
from typing import Any

from tests.support.cluster import Cluster
from tests.support.manifests import EVERYTHING, make_object
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, field

POD = "typescript-client"
# The sample server's image holds the client, too.
_MODULES = "/app/node_modules/@modelcontextprotocol/sdk/dist/esm"
_SCRIPT = """
const { Client } = await import("%(modules)s/client/index.js");
const { StreamableHTTPClientTransport } = await import("%(modules)s/client/streamableHttp.js");
const { SSEClientTransport } = await import("%(modules)s/client/sse.js");
const [url, tool, words] = process.argv.slice(1);
const Transport = url.endsWith("/sse") ? SSEClientTransport : StreamableHTTPClientTransport;
const client = new Client({ name: "tests", version: "1" });
await client.connect(new Transport(new URL(url)));
const { tools } = await client.listTools();
const { content } = await client.callTool({ name: tool, arguments: JSON.parse(words) });
console.log(JSON.stringify({ tools: tools.map(({ name }) => name), text: content[0].text }));
await client.close();
"""


async def start_client(namespace: Namespace) -> None:
    """Start the pod in which `call_by_typescript` runs."""
    container = {
        "name": "client",
        "image": EVERYTHING,
        "command": ["node", "--eval", "setInterval(() => {}, 1000)"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    pod_spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    await namespace.create(make_object("Pod", POD, spec=pod_spec))
    running = Predicate("runs", lambda pod: field(pod or {}, "status", "phase") == "Running")
    await namespace.until("Pod", POD, running, 60)


async def call_by_typescript(
    namespace: Namespace, cluster: Cluster, url: str, tool: str, **arguments: object
) -> tuple[set[str], str]:
    """The tools that it lists at *url*, and the text that a call of *tool* gives."""
    script = _SCRIPT % {"modules": _MODULES}
    node = ["node", "--input-type=module", "--eval", script, url, tool, json.dumps(arguments)]
    words = await cluster.kubectl("--namespace", namespace.name, "exec", POD, "--", *node)
    told: dict[str, Any] = json.loads(words.splitlines()[-1])
    return set(told["tools"]), told["text"]
