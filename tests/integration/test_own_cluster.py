"""The page docs/operations.md, as somebody with a cluster and a registry of their own uses it."""

import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hack.images.engines import ensure_tools
from hack.kubectl import kubectl
from hack.terminal import ToolError
from tests.support.cluster import ROOT

PAGE = ROOT / "docs" / "operations.md"
START_SECONDS = 20.0
REGISTRY = "docker-registry"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of a registry of images on this machine."""
    if shutil.which(REGISTRY) is None:
        try:
            ensure_tools({REGISTRY: REGISTRY})
        except ToolError as error:
            pytest.skip(f"no registry program: {error}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "images")}}
    configuration = tmp_path / "registry.yaml"
    settings = {"version": 0.1, "storage": storage, "http": {"addr": address}}
    configuration.write_text(json.dumps(settings))
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(
            [REGISTRY, "serve", str(configuration)], stdout=words, stderr=words
        ) as process,
    ):
        try:
            wait_for_answer(f"http://{address}/v2/")
            yield address
        finally:
            process.terminate()


def wait_for_answer(url: str) -> None:
    """Return when *url* answers; the last refusal is raised after START_SECONDS."""
    limit = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  a URL of our own
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > limit:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.mark.slow
def test_images_are_pushed_and_can_be_pulled(registry: str) -> None:
    """Each printed name can be asked of the registry, whose answer is an image of this machine."""
    command = ["make", "--no-print-directory", "-s", "images", f"PUSH={registry}/some/where"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)

    names = done.stdout.split()

    assert [name.rpartition(":")[0] for name in names] == [
        f"{registry}/some/where/operator",
        f"{registry}/some/where/bridge",
        f"{registry}/some/where/egress",
    ]
    for name in names:
        path, _, tag = name.removeprefix(f"{registry}/").rpartition(":")
        request = urllib.request.Request(
            f"http://{registry}/v2/{path}/manifests/{tag}",
            headers={
                "Accept": "application/vnd.docker.distribution.manifest.v2+json, "
                "application/vnd.oci.image.manifest.v1+json"
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            assert json.load(answer)["layers"]


def test_the_kustomization_of_the_page_names_all_images(tmp_path: Path) -> None:
    """It is rendered as it stands, with this checkout in the place of the copy."""
    (text,) = re.findall(r"```yaml\n# kustomization.yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "mcpworkload").symlink_to(ROOT)
    (tmp_path / "kustomization.yaml").write_text(text)

    objects = list(yaml.safe_load_all(kubectl("kustomize", str(tmp_path))))

    (deployment,) = [one for one in objects if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert container["image"] == "registry.example.com/mcpworkload/operator:1f0c9f0a6b1d"
    assert variables["MCPWORKLOAD_BRIDGE_IMAGE"] == (
        "registry.example.com/mcpworkload/bridge:77a1d20c4e55"
    )
    assert variables["MCPWORKLOAD_EGRESS_IMAGE"] == (
        "registry.example.com/mcpworkload/egress:0b94f6de21a7"
    )
    assert variables["MCPWORKLOAD_NAMESPACES"]


def test_monitoring_is_a_component(tmp_path: Path) -> None:
    """Its monitor names a port that the Deployment has; Grafana's sidecar finds the dashboard."""
    kustomization = {
        "resources": [str(Path("deploy/overlays/default"))],
        "components": [str(Path("deploy/overlays/monitoring"))],
    }
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / "crds").symlink_to(ROOT / "crds")
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization))

    objects = list(yaml.safe_load_all(kubectl("kustomize", str(tmp_path))))

    by_kind = {one["kind"]: one for one in objects}
    (endpoint,) = by_kind["PodMonitor"]["spec"]["podMetricsEndpoints"]
    containers = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert endpoint["port"] in [port["name"] for port in containers[0]["ports"]]
    (dashboard,) = [
        one
        for one in objects
        if one["kind"] == "ConfigMap" and "grafana_dashboard" in one["metadata"]["labels"]
    ]
    assert dashboard["metadata"]["namespace"] == "mcpworkload-system"
    assert json.loads(dashboard["data"]["dashboard.json"])["panels"]
