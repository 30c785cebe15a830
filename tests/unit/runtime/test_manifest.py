"""Arguments as whole manifests: what is in the golden file is what the API server gets."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcpworkload.api.workload import Workload
from mcpworkload.runtime import (
    DeployWorkloadOptions,
    PermissionProfile,
    PortBinding,
    WorkloadInvalid,
    build_workload,
    new_deploy_workload_options,
)

GOLDEN = Path(__file__).parent / "golden"
PATCH = [{"op": "add", "path": "/spec/shareProcessNamespace", "value": True}]


def make_arguments() -> dict[str, Any]:
    """Every argument, each with a value that shows."""
    return {
        "image": "weather:1",
        "name": "weather",
        "command": ["--units", "metric"],
        "env_vars": {"ZONE": "eu", "CITY": "Oslo", "MCP_PORT": "9000"},
        "labels": {"team": "sky", "tier": "edge"},
        "permission_profile": PermissionProfile(read=["/data"]),
        "transport_type": "sse",
        "options": DeployWorkloadOptions(
            exposed_ports={"9000/tcp", "9090/tcp", "53/udp"},
            port_bindings={"9090/tcp": [PortBinding(host_port="30080")]},
            attach_stdio=True,
            k8s_pod_template_patch=json.dumps(PATCH),
            sse_headless_service_name="mcp-weather",
        ),
        "isolate_network": True,
        "namespace": "team",
        "entrypoint": ["python", "-m", "weather"],
    }


@pytest.mark.parametrize(
    ("golden", "arguments"),
    [
        pytest.param(
            "minimal", {"image": "w:1", "name": "w", "namespace": "team"}, id="only what is needed"
        ),
        pytest.param("everything", make_arguments(), id="every argument"),
    ],
)
def test_the_manifest_is_the_golden_one(golden: str, arguments: dict[str, Any]) -> None:
    """No argument is dropped, and nothing is there that was not asked for."""
    manifest = build_workload(**arguments)

    assert manifest == yaml.safe_load((GOLDEN / f"{golden}.yaml").read_text())
    assert Workload.parse({**manifest, "metadata": {**manifest["metadata"], "uid": "u"}})


def test_no_argument_is_changed() -> None:
    """The original wrote its own labels into the caller's map."""
    arguments = make_arguments()
    before = copy.deepcopy(arguments)

    manifest = build_workload(**arguments)
    manifest["metadata"]["labels"]["team"] = "changed"
    manifest["spec"]["args"].append("changed")

    assert arguments == before
    assert manifest["spec"]["labels"]["team"] == "sky"


def test_the_order_of_mappings_does_not_show() -> None:
    """In the original the environment's order rolled the pods at every restart."""
    arguments = make_arguments()
    turned = {
        **arguments,
        "env_vars": dict(reversed(arguments["env_vars"].items())),
        "labels": dict(reversed(arguments["labels"].items())),
    }

    assert json.dumps(build_workload(**turned)) == json.dumps(build_workload(**arguments))


@pytest.mark.parametrize(
    ("is_attached", "bridge"), [(False, {}), (True, {"stdio": {"bridge": "None"}})]
)
def test_a_stdio_server_that_is_attached_to_has_no_bridge(
    is_attached: bool, bridge: dict[str, Any]
) -> None:
    """One that is not has the bridge that its spec allows."""
    options = DeployWorkloadOptions(attach_stdio=is_attached)
    manifest = build_workload("w:1", "w", transport_type="stdio", options=options, namespace="team")

    assert manifest["spec"]["transport"] == {"type": "stdio", "port": 8080, **bridge}
    assert Workload.parse({**manifest, "metadata": {**manifest["metadata"], "uid": "u"}})


def test_a_mode_of_verification() -> None:
    """As it is written in the spec; the installation's where nothing is said."""
    options = DeployWorkloadOptions(verification="Off")
    off = build_workload("weather:1", "w", namespace="team", options=options)
    unset = build_workload("weather:1", "w", namespace="team")

    assert off["spec"]["verification"] == {"mode": "Off"}
    assert "verification" not in unset["spec"]


def test_several_replicas_with_sessions_in_their_memory() -> None:
    """Both are asked for, and neither takes anything from other options."""
    options = DeployWorkloadOptions(session_affinity=True, sse_headless_service_name="mcp-w")
    manifest = build_workload("w:1", "w", options=options, namespace="team", replicas=2)

    assert manifest["spec"]["replicas"] == 2
    assert manifest["spec"]["service"] == {
        "type": "ClusterIP",
        "sessionAffinity": "ClientIP",
        "headlessAlias": "mcp-w",
    }
    assert Workload.parse({**manifest, "metadata": {**manifest["metadata"], "uid": "u"}})
    assert "replicas" not in build_workload("w:1", "w", namespace="team")["spec"]


def test_no_options_are_the_default_options() -> None:
    """None stands for them."""
    given = build_workload("w:1", "w", options=new_deploy_workload_options(), namespace="team")

    assert given == build_workload("w:1", "w", namespace="team")


@pytest.mark.parametrize(
    ("arguments", "field", "words"),
    [
        ({"command": "--verbose"}, "command", "a list of words"),
        ({"entrypoint": "python"}, "entrypoint", "a list of words"),
        (
            {"options": DeployWorkloadOptions(k8s_pod_template_patch="{}")},
            "k8s_pod_template_patch",
            "holds no array",
        ),
        (
            {"options": DeployWorkloadOptions(k8s_pod_template_patch="[")},
            "k8s_pod_template_patch",
            "is not JSON",
        ),
        (
            {"options": DeployWorkloadOptions(k8s_pod_template_patch='[{"value": -1e400}]')},
            "k8s_pod_template_patch",
            "a number in it is too large",
        ),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(
    arguments: dict[str, Any], field: str, words: str
) -> None:
    """By its name, and with the workload's."""
    with pytest.raises(WorkloadInvalid, match=words) as caught:
        build_workload("w:1", "w", namespace="team", **arguments)

    assert caught.value.fields == (field,)
    assert caught.value.workload == "team/w"
