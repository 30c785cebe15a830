"""What an installation has that serves stdio servers, and their templates."""

from typing import Any

from mcpworkload.controller.admission.installation import GateTarget
from mcpworkload.controller.desired import Policy, build_children, build_draft
from mcpworkload.controller.settings import BridgeVolume
from mcpworkload.kube.manifest import Manifest
from tests.support.parsed import make_workload
from tests.support.stdio_specs import COMMAND, stdio

IMAGE = "bridge:1"
POLICY = Policy(
    bridge_image=IMAGE, egress_image="egress:1", gate=GateTarget("10.96.0.7", 8081, 8080)
)
MOUNTED = Policy(bridge_image=IMAGE, bridge_volume=BridgeVolume.IMAGE)


def inject(options: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A spec whose bridge is injected."""
    return stdio(options, **{**COMMAND, **spec})


def attach(options: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A spec whose bridge attaches."""
    return stdio(options, **spec)


def pod(spec: dict[str, Any], policy: Policy = POLICY) -> Manifest:
    """The spec of the final pods."""
    found: Manifest = build_draft(make_workload(**spec), policy).template["spec"]
    return found


def server(spec: dict[str, Any], policy: Policy = POLICY) -> Manifest:
    """The server's container."""
    found: Manifest = pod(spec, policy)["containers"][0]
    return found


def sidecar(spec: dict[str, Any]) -> Manifest:
    """The bridge that attaches."""
    found: Manifest = pod(spec)["initContainers"][0]
    return found


def children(spec: dict[str, Any], policy: Policy = POLICY) -> dict[str, Manifest]:
    """All children, by kind and name."""
    built = build_children(make_workload(**spec), policy)
    return {str(child.id): child.manifest for child in built}


def option(args: list[str], name: str) -> list[str]:
    """The values of an option of the bridge."""
    ours = args[: args.index("--")] if "--" in args else args
    return [ours[at + 1] for at, word in enumerate(ours) if word == f"--{name}"]
