"""
Install the operator of this checkout into the cluster in use: ``python3 -m hack.install``.

It is the installation of docs/operations.md (server-side apply of an overlay) with the images of
this checkout, those of the operator, the bridge and the egress proxy, put in by kustomize.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.cluster.choose import choose_cluster
from hack.images.build import build_images
from hack.images.catalog import by_name
from hack.kubectl import kubectl
from hack.terminal import ToolError, step

ROOT = Path(__file__).parent.parent
NAMESPACE = "mcpworkload-system"
DEPLOYMENT = "deployment/mcpworkload-operator"
OVERLAYS = ("default", "namespaced")
#: The images that the operator starts containers from, and the variables that name them.
VARIABLES = {"bridge": "MCPWORKLOAD_BRIDGE_IMAGE", "egress": "MCPWORKLOAD_EGRESS_IMAGE"}

#: The variable that names DNS servers, for egress proxies.
DNS_SERVERS = "MCPWORKLOAD_DNS_SERVERS"


def install(overlay: str = "default") -> None:
    """
    Apply CRD, rights and operator, and wait until the operator is ready.

    Raises:
        ToolError: kubectl failed; the message has its output and the operator's last log lines.
    """
    references, cluster = {}, choose_cluster()
    images = [by_name(name) for name in ("operator", *VARIABLES)]
    for image, built in zip(images, build_images(images), strict=True):
        cluster.load(built.reference, built.archive)
        references[image.name] = built.reference
    _, _, tag = references["operator"].rpartition(":")
    with step(f"installing CRD and operator {tag}"), tempfile.TemporaryDirectory() as folder:
        # kustomize takes relative paths only, and none outside of its roots but folders.
        Path(folder, "overlay").symlink_to(ROOT / "deploy" / "overlays" / overlay)
        Path(folder, "kustomization.yaml").write_text(
            kustomization(references, cluster.dns_servers)
        )
        # Forced: fields that another client set, as by scaling the operator, become ours again.
        kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", folder)
        kubectl("wait", "--for=condition=Established", "crd/mcpworkloads.mcpworkload.dev")
        wait_until_ready()


def kustomization(references: Mapping[str, str], dns_servers: Sequence[str] = ()) -> str:
    """
    Return the overlay in the folder `overlay`, with the images of those names; JSON, hence YAML.

    A variable whose image is not among them is empty. *dns_servers* are those that are no pods.
    """
    name, _, tag = references["operator"].rpartition(":")
    # kustomize's own way with images does not reach the values of variables.
    variables = [
        {"name": variable, "value": references.get(image, "")}
        for image, variable in VARIABLES.items()
    ]
    if dns_servers:
        variables.append({"name": DNS_SERVERS, "value": ",".join(dns_servers)})
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "mcpworkload-operator", "namespace": NAMESPACE},
        "spec": {
            "template": {"spec": {"containers": [{"name": "operator", "env": variables}]}},
        },
    }
    return json.dumps(
        {
            "resources": ["overlay"],
            "images": [{"name": "mcpworkload-operator", "newName": name, "newTag": tag}],
            "patches": [{"patch": json.dumps(deployment)}],
        }
    )


def wait_until_ready() -> None:
    """
    Return when the operator's Deployment is rolled out.

    Raises:
        ToolError: with the last log lines.
    """
    try:
        kubectl("rollout", "status", DEPLOYMENT, "-n", NAMESPACE, "--timeout=120s", timeout=130)
    except ToolError as error:
        raise ToolError(f"{error}\n{operator_log()}") from error


def operator_log(lines: int = 15) -> str:
    """Return the operator's last log lines, or why there are none."""
    try:
        return kubectl("logs", DEPLOYMENT, "-n", NAMESPACE, f"--tail={lines}")
    except ToolError as error:
        return str(error)


def uninstall() -> None:
    """Remove operator, rights and CRD, and with the CRD every MCPWorkload."""
    with step("removing the operator and its CRD"):
        overlay = str(ROOT / "deploy" / "overlays" / "default")
        kubectl("delete", "--ignore-not-found", "--kustomize", overlay)


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m hack.install", description=__doc__)
    parser.add_argument("verb", choices=("apply", "delete"))
    parser.add_argument("--overlay", choices=OVERLAYS, default="default")
    options = parser.parse_args()
    try:
        if options.verb == "apply":
            install(options.overlay)
        else:
            uninstall()
    except ToolError as error:
        print(f"install: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
