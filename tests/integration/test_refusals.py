"""What the API server refuses at `kubectl apply`, and in whose words."""

import asyncio
import json
from typing import Any

import pytest

from hack.terminal import ToolError
from tests.support.api import RequestFailed
from tests.support.cluster import Cluster
from tests.support.kinds import Manifest
from tests.support.manifests import make_object, make_workload
from tests.support.namespace import Namespace

HTTP = {"type": "streamable-http"}

# A spec (None takes a field out) and what its author reads.
BAD_SPECS: list[tuple[dict[str, Any], str]] = [
    (
        {"image": None},
        "spec.image: Required value: name the container image of the MCP server, such as "
        '"ghcr.io/acme/weather:1.4"',
    ),
    ({"transport": None}, "write its type, streamable-http, sse or stdio, and its port if the"),
    ({"transport": {"port": 80}}, "write streamable-http, sse for a server that only speaks"),
    ({"transport": {"type": "http"}}, 'supported values: "sse", "stdio", "streamable-http"'),
    ({"transport": {**HTTP, "port": 0}}, "spec.transport.port: Invalid value: 0"),
    ({"transport": {**HTTP, "port": 65536}}, "spec.transport.port: Invalid value: 65536"),
    ({"transport": {**HTTP, "port": "80"}}, "spec.transport.port: Invalid value"),
    ({"transport": {**HTTP, "path": "mcp"}}, "write the path with a leading slash"),
    ({"transport": "sse"}, "spec.transport: Invalid value"),
    ({"image": "two words"}, "write the image as one word without spaces"),
    ({"image": ""}, "write the image as one word without spaces"),
    ({"image": 7}, "spec.image: Invalid value"),
    ({"args": "--verbose"}, "spec.args: Invalid value"),
    ({"env": {"CITY": "Oslo"}}, "spec.env: Invalid value"),
    ({"env": [{"value": "x"}]}, "spec.env[0].name: Required value"),
    ({"env": [{"name": "A=B"}]}, "spec.env[0].name: Invalid value"),
    ({"env": [{"name": "A"}, {"name": "A"}]}, "spec.env[1]: Duplicate value"),
    ({"replicas": -1}, "spec.replicas: Invalid value: -1"),
    ({"replicas": 1.5}, "spec.replicas: Invalid value"),
    ({"labels": {"my team": "x"}}, "write the key as a name of at most 63 letters"),
    ({"labels": {"team": "a b"}}, "spec.labels.team: Invalid value"),
    ({"labels": {"mcpworkload.dev/x": "x"}}, "take another key than those under mcpworkload.dev/"),
    ({"labels": {"app.kubernetes.io/name": "x"}}, "the operator sets these itself"),
    ({"annotations": {"mcpworkload.dev/hash": "x"}}, "the operator sets these itself"),
    ({"serviceAccountName": "Big"}, "write the name of a ServiceAccount of this namespace"),
    ({"terminationGracePeriodSeconds": -1}, "spec.terminationGracePeriodSeconds: Invalid value"),
    ({"resources": {"limits": {"memory": "much"}}}, "spec.resources.limits.memory: Invalid value"),
    (
        {"permissionProfile": {"builtin": "none", "read": ["/a"]}},
        "write either builtin, or configMapKeyRef, or the profile's own fields",
    ),
    (
        {"permissionProfile": {"network": {"mode": "backend"}}},
        "a network of Docker has no meaning on Kubernetes",
    ),
    (
        {"permissionProfile": {"network": {"mode": "none", "outbound": {"allowPort": [1]}}}},
        "spec.permissionProfile.network.outbound: Invalid value",
    ),
    (
        {
            "permissionProfile": {
                "network": {
                    "outbound": {
                        "insecureAllowAll": True,
                        "allowPrivateHost": ["10.0.0.1", "a.example.com"],
                    }
                }
            }
        },
        "write addresses or networks beside insecureAllowAll",
    ),
    (
        {"permissionProfile": {"capAdd": ["CAP_CHOWN"]}},
        "write the capability in capitals and without CAP_",
    ),
    ({"sidecars": [{"name": "mcpw-gate", "image": "a"}]}, 'and "mcpw-gate"'),
    ({"volumes": [{"name": "mcpw-profile-0", "emptyDir": {}}]}, "begins with mcpw-profile-"),
]

BAD_NAMES = [
    (
        "2weather",
        "choose a name of lower-case letters, digits and dashes that starts with a letter",
    ),
    ("weather.eu", "choose a name of lower-case letters, digits and dashes that starts with a"),
    ("w" * 53, "choose a name of at most 52 characters"),
    ("weather-svc", "choose a name with another ending than -svc or -egress"),
    ("weather-egress", "choose a name with another ending than -svc or -egress"),
]


async def refusal_of(namespace: Namespace, manifest: Manifest) -> str:
    """The API server's answer to an object that it refuses."""
    with pytest.raises(RequestFailed) as caught:
        await namespace.create(manifest, dry_run=True)
    assert caught.value.status == 422
    return caught.value.message


async def test_a_bad_spec_is_refused_with_what_to_write(namespace: Namespace) -> None:
    """Each wrong field is named by the API server, most of them in words of ours."""
    answers = await asyncio.gather(
        *(refusal_of(namespace, make_workload("weather", **spec)) for spec, _ in BAD_SPECS)
    )

    wrong = [
        (spec, answer)
        for (spec, words), answer in zip(BAD_SPECS, answers, strict=True)
        if words not in answer
    ]
    assert wrong == []


async def test_a_bad_name_is_refused_with_what_to_choose(namespace: Namespace) -> None:
    """A name that would not do for a child is refused before there is one."""
    for name, words in BAD_NAMES:
        assert words in await refusal_of(namespace, make_workload(name))


async def test_a_workload_without_spec_is_refused(namespace: Namespace) -> None:
    """An empty manifest says what to write first."""
    answer = await refusal_of(namespace, make_object("MCPWorkload", "weather"))

    assert "write at least image and transport.type" in answer


async def test_the_longest_name_works(namespace: Namespace) -> None:
    """52 characters, as the message says, are not one too many for any child."""
    await namespace.settle(make_workload("w" * 52, replicas=0))


@pytest.mark.parametrize(
    ("spec", "path", "applied_path"),
    [
        pytest.param({"imag": "x:1"}, "spec.imag", ".spec.imag", id="a field of ours"),
        pytest.param(
            {"env": [{"name": "A", "vale": "x"}]},
            "spec.env[0].vale",
            '.spec.env[name="A"].vale',
            id="a field of Kubernetes'",
        ),
    ],
)
async def test_kubectl_refuses_a_misspelt_field(
    namespace: Namespace, cluster: Cluster, spec: dict[str, Any], path: str, applied_path: str
) -> None:
    """At its defaults kubectl names the unknown field, and nothing is applied."""
    manifest = json.dumps(make_workload("weather", **spec))

    for option, words in (
        ("--server-side=false", f'unknown field "{path}"'),
        ("--server-side", f"{applied_path}: field not declared in schema"),
    ):
        with pytest.raises(ToolError) as caught:
            await cluster.kubectl(
                "apply", option, "--namespace", namespace.name, "--filename=-", stdin=manifest
            )
        assert words in str(caught.value)
    assert await namespace.read_all("MCPWorkload") == []
