"""The operator of examples/toolbox, installed as its README says, and gone without a trace."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hack.cluster.choose import choose_cluster
from hack.images.build import build_images
from hack.images.catalog import by_name
from hack.kubectl import kubectl
from tests.support.api import Api
from tests.support.cluster import ROOT, Cluster
from tests.support.namespace import Namespace

FOLDER = ROOT / "examples" / "toolbox"
NAMESPACE = "mcpworkload-example"
USER = f"system:serviceaccount:{NAMESPACE}:toolbox"
CRD = "toolboxes.tools.example.com"
_ESTABLISHED = '--for=jsonpath={.status.conditions[?(@.type=="Established")].status}=True'
_GONE_SECONDS = 60.0


@asynccontextmanager
async def installed(cluster: Cluster, api: Api) -> AsyncIterator[Namespace]:
    """The example's namespace, with its operator at work there."""
    namespace = Namespace(api, NAMESPACE, controller_log)
    await _remove(cluster, namespace)  # what a run that was killed has left
    try:
        await cluster.kubectl("apply", "--server-side", "-f", str(FOLDER / "deploy" / "crd.yaml"))
        await cluster.kubectl("wait", _ESTABLISHED, f"crd/{CRD}")
        with tempfile.TemporaryDirectory() as folder:
            _write_kustomization(Path(folder))
            await cluster.kubectl("apply", "--server-side", "--kustomize", folder)
        rollout = ("rollout", "status", "deployment/toolbox", "--timeout=60s")
        await cluster.kubectl("--namespace", NAMESPACE, *rollout)
        yield namespace
    finally:
        await _remove(cluster, namespace)


def controller_log() -> str:
    """What the example's operator has said."""
    return kubectl("--namespace", NAMESPACE, "logs", "deployment/toolbox", "--tail=100")


def _write_kustomization(folder: Path) -> None:
    (image,) = build_images([by_name("toolbox")])
    choose_cluster().load(image.reference, image.archive)
    name, _, tag = image.reference.rpartition(":")
    # kustomize takes relative paths only.
    (folder / "deploy").symlink_to(FOLDER / "deploy")
    (folder / "kustomization.yaml").write_text(
        f"resources: [deploy]\nimages: [{{name: toolbox, newName: {name}, newTag: '{tag}'}}]\n"
    )


async def _remove(cluster: Cluster, namespace: Namespace) -> None:
    # First, and waited for: the finalizer on it is the controller's to take away.
    if await namespace.api.get("CustomResourceDefinition", "", CRD) is not None:
        await cluster.kubectl("delete", CRD, "--all", "--namespace", NAMESPACE, "--timeout=60s")
    path = str(FOLDER / "deploy")
    await cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "--kustomize", path)
    await namespace.until_ended(_GONE_SECONDS)
