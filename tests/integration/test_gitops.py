"""What is shipped for GitOps tools does with the real tools what its description says."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import kubectl as tool
from hack.crdgen.document import root_schema
from hack.crdgen.kustomize import is_image, kind_named_by, leaves
from hack.terminal import run
from tests.support.argocd import SCRIPT, health_of
from tests.support.cluster import ROOT, Cluster
from tests.support.kinds import Manifest
from tests.support.manifests import make_object, make_running_workload, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import has_condition, is_ready
from tests.support.process import OperatorProcess

FOLDER = ROOT / "deploy" / "gitops"
OVERLAY = FOLDER / "kustomize" / "overlay"
#: Where an image stands, or the name of another object.
PLACES = tuple(path for path in leaves() if is_image(path) or kind_named_by(path))
GENERATED = {"ConfigMap", "Secret"}
KEY = "resource.customizations.health.mcpworkload.dev_MCPWorkload"


async def test_a_kustomize_overlay_patches_lists_by_key(
    namespace: Namespace, cluster: Cluster
) -> None:
    """Entries are changed and added by name, at two depths; what the patch leaves out stays."""
    workload: Manifest = yaml.safe_load(await cluster.kubectl("kustomize", str(OVERLAY)))

    spec = workload["spec"]
    env = {entry["name"]: entry["value"] for entry in spec["env"]}
    assert env == {"CITY": "Oslo", "LOG_LEVEL": "warning", "REGION": "eu"}
    assert spec["ports"] == [{"name": "metrics", "port": 9090, "servicePort": 80}]
    (sidecar,) = spec["sidecars"]
    assert sidecar["command"][:3] == ["python3", "-m", "http.server"]
    names = {entry["name"] for entry in sidecar["env"]}
    assert names == {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    await namespace.create(workload, dry_run=True)


async def test_kustomize_finds_images_replicas_and_names(cluster: Cluster, tmp_path: Path) -> None:
    """In every field of a spec: its own moves reach a workload as they reach a Deployment."""
    old = {path: "server" if is_image(path) else "settings" for path in PLACES}
    (tmp_path / "weather.yaml").write_text(yaml.safe_dump(_workload_with(old)))
    named = sorted({kind for path in PLACES if (kind := kind_named_by(path))} - GENERATED)
    (tmp_path / "others.yaml").write_text(
        yaml.safe_dump_all(
            {"apiVersion": "v1", "kind": kind, "metadata": {"name": "settings"}} for kind in named
        )
    )
    for name in ("mcpworkload-openapi.json", "mcpworkload-configuration.yaml"):
        (tmp_path / name).write_text((OVERLAY / name).read_text())
    kustomization = {
        "resources": ["weather.yaml", "others.yaml"],
        "namePrefix": "eu-",
        "images": [{"name": "server", "newName": "example.com/server", "newTag": "2"}],
        "replicas": [{"name": "weather", "count": 3}],
        "configMapGenerator": [{"name": "settings", "literals": ["A=1"]}],
        "secretGenerator": [{"name": "settings", "literals": ["B=2"]}],
        "openapi": {"path": "mcpworkload-openapi.json"},
        "configurations": ["mcpworkload-configuration.yaml"],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))

    built = list(yaml.safe_load_all(await cluster.kubectl("kustomize", str(tmp_path))))

    names = {item["kind"]: item["metadata"]["name"] for item in built}
    workload = next(item for item in built if item["kind"] == "MCPWorkload")
    assert names["ConfigMap"].startswith("eu-settings-")
    assert workload["spec"]["replicas"] == 3
    for path in PLACES:
        kind = kind_named_by(path)
        expected = names[kind] if kind else "example.com/server:2"
        assert _value_at(workload, path) == expected, "/".join(path)


def _workload_with(values: dict[tuple[str, ...], str]) -> Manifest:
    """A workload with those values; lists have one entry."""
    workload = make_object("MCPWorkload", "weather", spec={})
    for path, value in values.items():
        node: Any = workload
        schema: Any = root_schema()
        for step in path[:-1]:
            schema = schema["properties"][step]
            is_list = "items" in schema
            schema = schema.get("items", schema)
            node = node.setdefault(step, [{}] if is_list else {})
            node = node[0] if is_list else node
        node[path[-1]] = value
    return workload


def _value_at(node: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        node = node[0] if isinstance(node, list) else node
        node = node[step]
    return node[0] if isinstance(node, list) else node


@pytest.mark.parametrize("how", [[], ["--server-side"]], ids=["client-side", "server-side"])
async def test_nothing_differs_after_an_apply(
    how: list[str], namespace: Namespace, cluster: Cluster
) -> None:
    """Also when other hands have scaled what the manifest says nothing about."""
    manifest = yaml.safe_dump(make_workload("weather", replicas=None, operatingMode="Stopped"))
    here = ("--namespace", namespace.name)
    await cluster.kubectl(*here, "apply", *how, "-f-", stdin=manifest)
    await cluster.kubectl(*here, "wait", "--for=condition=Ready", "mcpw/weather", "--timeout=30s")
    await cluster.kubectl(*here, "scale", "mcpw/weather", "--replicas=3")

    # Its exit status is 1, and this call an error, as soon as one field differs.
    assert await cluster.kubectl(*here, "diff", *how, "-f-", stdin=manifest) == ""


async def test_the_health_script_goes_beside_other_settings_of_argo_cd(
    namespace: Namespace,
) -> None:
    """The command of the README adds one key and takes nothing away."""
    found = re.search(r"```\n(kubectl create configmap argocd-cm.*?)```", _readme(), re.DOTALL)
    assert found is not None
    await namespace.create(
        make_object("ConfigMap", "argocd-cm", data={"url": "https://cd.example"})
    )
    command = found[1].replace("namespace argocd", f"namespace {namespace.name}")
    path = f"{Path(tool.program()).parent}:{tool.environment()['PATH']}"

    bash = ["bash", "-euo", "pipefail", "-c", command]
    environment = {**tool.environment(), "PATH": path}
    await asyncio.to_thread(run, bash, cwd=str(ROOT), env=environment)

    data: dict[str, Any] = (await namespace.get("ConfigMap", "argocd-cm"))["data"]
    assert data["url"] == "https://cd.example"
    assert data[KEY] == SCRIPT.read_text(encoding="utf-8")


async def test_argo_cd_understands_what_the_operator_writes(
    namespace: Namespace, operator: OperatorProcess
) -> None:
    """From the first look to Ready, over a stop, to a mistake that no retry can mend."""
    operator.stop()
    await namespace.apply(make_running_workload("weather"))
    fresh = await namespace.get("MCPWorkload", "weather")
    assert health_of(fresh)[0] == "Progressing"

    await asyncio.to_thread(operator.start_leading)
    ready = await namespace.until("MCPWorkload", "weather", is_ready())
    assert health_of(ready)[0] == "Healthy"

    stopped = await namespace.settle(make_running_workload("weather", operatingMode="Stopped"))
    assert health_of(stopped) == ("Healthy", "Stopped: nothing runs")

    patch = [{"op": "test", "path": "/spec/containers/0/name", "value": "other"}]
    await namespace.apply(make_running_workload("weather", podTemplatePatch=patch))
    stalled = has_condition("Stalled", "True", "PatchRejected")
    found = await namespace.until("MCPWorkload", "weather", stalled)
    assert health_of(found)[0] == "Degraded"


def _readme() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")
