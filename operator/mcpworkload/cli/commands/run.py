"""From an image and flags to a workload that serves, or to its manifest."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.options import cluster_options, output_option, timeout_option
from mcpworkload.cli.output import write_data
from mcpworkload.cli.progress import Reporter
from mcpworkload.cli.session import Session

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.runtime import DeployWorkloadOptions, PermissionProfile

TRANSPORTS = ("streamable-http", "sse", "stdio")
READY_SECONDS = 300
_BUILTIN_PROFILES = ("none", "network")


@click.command()
@click.argument("image")
@click.argument("args", nargs=-1)
@click.option("--name", help="The workload's name.  [default: after the image]")
@click.option(
    "--transport",
    type=click.Choice(TRANSPORTS),
    default=TRANSPORTS[0],
    show_default=True,
    help="What the server speaks.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Where it listens.  [default: 8080]")
@click.option(
    "--entrypoint",
    multiple=True,
    metavar="WORD",
    help="In place of the image's; once for each word.",
)
@click.option(
    "-e",
    "--env",
    multiple=True,
    metavar="KEY[=VALUE]",
    help="A variable; KEY alone takes it from here.",
)
@click.option(
    "-l", "--label", multiple=True, metavar="KEY=VALUE", help="A label on all that is made."
)
@click.option(
    "--expose", multiple=True, metavar="PORT[/PROTOCOL]", help="A further port of the container."
)
@click.option(
    "-p",
    "--publish",
    multiple=True,
    metavar="SERVICE:PORT",
    help="A further port, under another number of the Service.",
)
@click.option(
    "--permission-profile",
    metavar="NAME|FILE",
    help="none, network, or a file with ToolHive's JSON.",
)
@click.option("--isolate-network", is_flag=True, help="Enforce the profile's network rules.")
@click.option(
    "--stdin",
    is_flag=True,
    help="Keep standard input open, for attach; a stdio server is then not served otherwise.",
)
@click.option("--patch", metavar="JSON|@FILE", help="RFC 6902 operations on the pod template.")
@click.option("--headless-service", metavar="NAME", help="One more headless Service.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the MCPWorkload, as GitOps would commit it; ask no cluster.",
)
@output_option("json", "yaml", "name")
@timeout_option(READY_SECONDS)
@cluster_options
def run(
    session: Session, dry_run: bool, output: str | None, timeout: float | None, **flags: Any
) -> None:
    """
    Create a workload from IMAGE, or update the one of that name; returns when it is ready.

    ARGS go to the image's entry point; write -- before them. Equal flags change nothing; what an
    earlier run has set and this one leaves out goes. A stopped workload is started.

    \b
      mcpworkload run ghcr.io/acme/weather:1.4 --name weather -e CITY=Oslo
      mcpworkload run ghcr.io/acme/weather:1.4 --dry-run -o yaml > weather.yaml
    """
    wanted = _arguments(flags)
    if dry_run:
        _write_manifest(wanted, session.target.namespace, output)
        return
    with Reporter() as report:

        async def work(cluster: "Cluster") -> Any:
            key, _ = await cluster.runtime.deploy_workload(
                **wanted, timeout=timeout, progress=report
            )
            return await cluster.runtime.get_workload_info(key)

        info = session.run(work, lambda: _stands(report))
    if output in ("json", "yaml"):
        write_data(info, output)
    else:
        where = f": {info.url}" if info.url else ""
        click.echo(info.id if output == "name" else f"{info.id} is ready{where}")


def _stands(report: Reporter) -> str:
    for key in report.last:
        return f"{key} is written and goes on; `rm` removes it, `wait` waits on"
    return "nothing may have been written yet: `list` shows it"


def _write_manifest(wanted: dict[str, Any], namespace: str | None, output: str | None) -> None:
    from mcpworkload.runtime.building import build_workload

    manifest = build_workload(**wanted, namespace=namespace or "default")
    if namespace is None:
        # Whoever applies it says where.
        del manifest["metadata"]["namespace"]
    if output == "name":
        click.echo(manifest["metadata"]["name"])
    else:
        write_data(manifest, output or "yaml")


def _arguments(flags: dict[str, Any]) -> dict[str, Any]:
    """What `deploy_workload` and `build_workload` take."""
    env = dict(_variable(text) for text in flags["env"])
    options = _options(flags, env)
    entrypoint, args = flags["entrypoint"], flags["args"]
    # Who attaches by himself needs nobody to start the program.
    if flags["transport"] == "stdio" and not entrypoint and not flags["stdin"]:
        entrypoint, args = _program_of(flags["image"], args)
    return {
        "image": flags["image"],
        "name": flags["name"] or _name_of(flags["image"]),
        "command": args,
        "env_vars": env,
        "labels": dict(_pair(text, "--label") for text in flags["label"]),
        "permission_profile": _profile(flags["permission_profile"]),
        "transport_type": flags["transport"],
        "options": options,
        "isolate_network": flags["isolate_network"],
        "entrypoint": entrypoint,
    }


def _options(flags: dict[str, Any], env: dict[str, str]) -> "DeployWorkloadOptions":
    from mcpworkload.runtime import DeployWorkloadOptions, PortBinding

    exposed = set(flags["expose"])
    bindings: dict[str, list[PortBinding]] = {}
    for text in flags["publish"]:
        outside, _, inside = text.rpartition(":")
        bindings.setdefault(inside, []).append(PortBinding(host_port=outside))
    if flags["port"] is not None:
        if exposed or bindings:
            # Among several ports the library is told by this which one is the transport's.
            env["MCP_PORT"] = str(flags["port"])
        else:
            exposed.add(f"{flags['port']}/tcp")
    return DeployWorkloadOptions(
        exposed_ports=exposed,
        port_bindings=bindings,
        attach_stdio=flags["stdin"],
        k8s_pod_template_patch=_text_of(flags["patch"]),
        sse_headless_service_name=flags["headless_service"] or "",
    )


def _program_of(image: str, args: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Entry point and arguments of a stdio server: what serves it has to know the program."""
    from mcpworkload.cli.registry import ImageUnreadable, read_program

    try:
        program = read_program(image)
    except ImageUnreadable as error:
        click.echo(
            f"note: {error}; give --entrypoint, or the bridge has to attach to the server",
            err=True,
        )
        return (), args
    words = (*program.entrypoint, *(args or program.cmd))
    split = len(program.entrypoint) or 1
    return words[:split], words[split:]


def _profile(text: str | None) -> "PermissionProfile | None":
    from mcpworkload.runtime import PermissionProfile

    if text is None:
        return None
    if text in _BUILTIN_PROFILES:
        return PermissionProfile.none() if text == "none" else PermissionProfile.with_network()
    return PermissionProfile.from_json(_read(text, "--permission-profile"))


def _text_of(patch: str | None) -> str:
    if patch and patch.startswith("@"):
        return _read(patch[1:], "--patch")
    return patch or ""


def _read(path: str, option: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{option}: {path} cannot be read: {error}", ExitCode.USAGE) from None


def _name_of(image: str) -> str:
    """The last part of the image's name, without tag and digest, as a name may be."""
    last = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return last.lower().replace("_", "-").replace(".", "-")


def _variable(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if separator:
        return key, value
    if key not in os.environ:
        raise Failure(f"--env {key}: it is not set here; write {key}=VALUE", ExitCode.USAGE)
    return key, os.environ[key]


def _pair(text: str, option: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise Failure(f"{option} {text}: write KEY=VALUE", ExitCode.USAGE)
    return key, value


COMMANDS = {"run": run}
