"""The options that stand for an installation, for commands that compute what the operator makes."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from mcpworkload.controller.desired import Policy

Command = Callable[..., Any]

# Only the cluster knows them; no address looks like this.
EGRESS_ADDRESS: Final = "EGRESS-ADDRESS"
_GATE_ADDRESS: Final = "GATE-ADDRESS"
_OPTIONS: Final = (
    click.option(
        "--pod-security",
        type=click.Choice(["restricted", "baseline", "privileged"]),
        default="baseline",
        show_default=True,
        help="What the installation allows (its MCPWORKLOAD_POD_SECURITY).",
    ),
    click.option(
        "--bridge-image",
        default="mcpworkload-bridge",
        show_default=True,
        help="The image of the bridge (its MCPWORKLOAD_BRIDGE_IMAGE).",
    ),
    click.option(
        "--bridge-volume",
        type=click.Choice(["copy", "image"]),
        default="copy",
        show_default=True,
        help="How the bridge gets into pods (its MCPWORKLOAD_BRIDGE_VOLUME).",
    ),
    click.option(
        "--egress-image",
        default="mcpworkload-egress",
        show_default=True,
        help="The image of the egress proxy (its MCPWORKLOAD_EGRESS_IMAGE).",
    ),
    click.option(
        "--gate",
        type=click.Choice(["required", "waived"]),
        default="required",
        show_default=True,
        help="Whether isolated pods begin with a gate (its MCPWORKLOAD_GATE).",
    ),
    click.option(
        "--host-path",
        "host_paths",
        multiple=True,
        metavar="PATH",
        help="A directory of nodes that pods may mount (of its MCPWORKLOAD_HOST_PATHS).",
    ),
)
_NAMES: Final = (
    "pod_security",
    "bridge_image",
    "bridge_volume",
    "egress_image",
    "gate",
    "host_paths",
)


def installation_options(command: Command) -> Command:
    """Add the options for the installation; pass *command* their values as `installation`."""

    @functools.wraps(command)
    def with_installation(*args: Any, **options: Any) -> Any:
        installation = {name: options.pop(name) for name in _NAMES}
        return command(*args, installation=installation, **options)

    decorated: Command = with_installation
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def policy_of(installation: dict[str, Any]) -> "Policy":
    """Return the policy of the installation that the options stand for."""
    from mcpworkload.controller.admission.installation import GateTarget, Policy
    from mcpworkload.controller.settings import BridgeVolume, PodSecurity, Settings

    settings = Settings()
    # Nothing that a profile lists is left out.
    gate = GateTarget(_GATE_ADDRESS, settings.gate_port, settings.probe_port, has_ipv6=True)
    return Policy(
        pod_security=PodSecurity(installation["pod_security"]),
        bridge_image=installation["bridge_image"],
        bridge_volume=BridgeVolume(installation["bridge_volume"]),
        egress_image=installation["egress_image"],
        is_gate_required=installation["gate"] == "required",
        gate=gate,
        host_paths=tuple(installation["host_paths"]),
    )
