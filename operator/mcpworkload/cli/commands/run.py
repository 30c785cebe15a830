"""The command `run`: from an image and options to a workload that serves, or its manifest."""

from typing import TYPE_CHECKING, Any

import click

from mcpworkload.cli.codes import ExitCode, Failure
from mcpworkload.cli.deployment import Deployment
from mcpworkload.cli.environment import further_fields, read_env_file, read_file, variable
from mcpworkload.cli.invocation import Invocation
from mcpworkload.cli.options import cluster_options, output_option, timeout_option
from mcpworkload.cli.output import write_data
from mcpworkload.cli.profile_option import FORMS, complete_profile, read_profile
from mcpworkload.cli.progress import Reporter

if TYPE_CHECKING:
    from mcpworkload.runtime import DeployWorkloadOptions

TRANSPORTS = ("streamable-http", "sse", "stdio")
READY_SECONDS = 300


@click.command()
@click.argument("image")
@click.argument("args", nargs=-1)
@click.option("--name", help="The workload's name.  [default: after the image]")
@click.option(
    "--transport",
    type=click.Choice(TRANSPORTS),
    default=TRANSPORTS[0],
    show_default=True,
    help="The transport that the server speaks.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="The server's port.  [default: 8080]")
@click.option(
    "--entrypoint",
    multiple=True,
    metavar="WORD",
    help="The entry point in place of the image's; once for each word.",
)
@click.option(
    "-e",
    "--env",
    multiple=True,
    metavar="KEY[=VALUE]",
    help="A variable; KEY alone takes the value that it has here.",
)
@click.option(
    "-l",
    "--label",
    multiple=True,
    metavar="KEY=VALUE",
    help="A label on the workload and its objects.",
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
    "--env-file", type=click.Path(), metavar="FILE", help="Variables, one KEY=VALUE on a line."
)
@click.option(
    "--env-from",
    multiple=True,
    metavar="KIND/NAME",
    help="All keys of secret/NAME or configmap/NAME as variables.",
)
@click.option("--replicas", type=click.IntRange(min=0), help="How many pods.  [default: as it is]")
@click.option("--memory", metavar="AMOUNT", help="The memory limit, such as 512Mi.")
@click.option("--cpu", metavar="AMOUNT", help="The CPU limit, such as 500m.  [default: none]")
@click.option(
    "--image-pull-secret", multiple=True, metavar="NAME", help="A Secret for a private registry."
)
@click.option("--service-account", metavar="NAME", help="The ServiceAccount of its pods.")
@click.option(
    "--permission-profile",
    metavar=FORMS,
    shell_complete=complete_profile,
    help="What the server may read, write and reach; FILE is ToolHive's JSON, or YAML.",
)
@click.option(
    "--isolate-network",
    is_flag=True,
    help="Let the server reach only what its profile lists; without one, nothing.",
)
@click.option(
    "--stdin",
    is_flag=True,
    help="Keep standard input open, for attach; a stdio server then has no bridge.",
)
@click.option(
    "--verify",
    type=click.Choice(("Periodic", "OnStart", "Off")),
    help="When the operator asks whether it is an MCP server.  [default: the installation's]",
)
@click.option(
    "--pin-tools",
    is_flag=True,
    help="Accept no other tools than those that it has when it is ready.",
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
    invocation: Invocation, dry_run: bool, output: str | None, timeout: float | None, **flags: Any
) -> None:
    """
    Create a workload from IMAGE, or update the one of that name; returns when it is ready.

    ARGS go to the image's entry point; write -- before them. Equal flags change nothing; a field
    that an earlier run has set and this one leaves out is removed. A stopped workload is started.

    \b
      mcpworkload run ghcr.io/acme/weather:1.4 --name weather -e CITY=Oslo
      mcpworkload run ghcr.io/acme/weather:1.4 --env-from secret/weather-key --memory 512Mi
      mcpworkload run ghcr.io/acme/weather:1.4 --permission-profile weather.json --isolate-network
      mcpworkload run ghcr.io/acme/weather:1.4 --dry-run -o yaml > weather.yaml
    """
    if flags["pin_tools"] and (dry_run or flags["verify"] == "Off"):
        other = "--dry-run" if dry_run else "--verify Off"
        raise click.UsageError(f"--pin-tools needs a server to ask: leave {other} out")
    deployment = Deployment(
        _arguments(flags), further_fields(flags), flags["name"] is None, flags["pin_tools"]
    )
    if dry_run:
        _write_manifest(deployment, invocation.target.namespace, output)
        return
    with Reporter() as report:
        info = invocation.run(
            lambda cluster: deployment.apply(cluster, timeout, report), lambda: _stands(report)
        )
    if output in ("json", "yaml"):
        write_data(info, output)
    else:
        where = f": {info.url}" if info.url else ""
        pinned = "; its tools are pinned" if flags["pin_tools"] else ""
        click.echo(info.id if output == "name" else f"{info.id} is ready{where}{pinned}")


def _stands(report: Reporter) -> str:
    for key in report.last:
        return f"{key} is written and still starting; `wait` follows it, `rm` removes it"
    return "nothing may have been written yet: `list` shows it"


def _write_manifest(deployment: Deployment, namespace: str | None, output: str | None) -> None:
    from mcpworkload.cli.offline.admission import NotAdmittedError, admit

    manifest = deployment.manifest(namespace or "default")
    try:
        # GitOps commits the manifest, so the cluster has to accept it.
        admit(manifest)
    except NotAdmittedError as error:
        raise Failure("\n".join(error.problems), ExitCode.USAGE) from None
    if namespace is None and "/" not in deployment.arguments["name"]:
        # The client that applies it chooses the namespace.
        del manifest["metadata"]["namespace"]
    if output == "name":
        click.echo(manifest["metadata"]["name"])
    else:
        write_data(manifest, output or "yaml")


def _arguments(flags: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `deploy_workload` and `build_workload`."""
    env = {**read_env_file(flags["env_file"]), **dict(variable(text) for text in flags["env"])}
    options = _options(flags, env)
    entrypoint, args = flags["entrypoint"], flags["args"]
    profile = flags["permission_profile"]
    # With --stdin the caller attaches; no entry point is needed.
    if flags["transport"] == "stdio" and not entrypoint and not flags["stdin"]:
        entrypoint, args = _program_of(flags["image"], args)
    return {
        "image": flags["image"],
        "name": flags["name"] or _name_of(flags["image"]),
        "command": args,
        "env_vars": env,
        "labels": dict(_pair(text, "--label") for text in flags["label"]),
        "permission_profile": profile and read_profile(profile, "--permission-profile"),
        "transport_type": flags["transport"],
        "isolate_network": flags["isolate_network"],
        "options": options,
        "replicas": flags["replicas"],
        "entrypoint": entrypoint,
    }


def _options(flags: dict[str, Any], env: dict[str, str]) -> "DeployWorkloadOptions":
    from mcpworkload.runtime import DeployWorkloadOptions, PortBinding
    from mcpworkload.runtime.ports import DEFAULT_PORT, PORT_VARIABLE

    exposed = set(flags["expose"])
    bindings: dict[str, list[PortBinding]] = {}
    for text in flags["publish"]:
        outside, separator, inside = text.rpartition(":")
        if not separator:
            raise Failure(f"--publish {text}: write SERVICE:PORT", ExitCode.USAGE)
        bindings.setdefault(inside, []).append(PortBinding(host_port=outside))
    if flags["port"] is None:
        if (exposed or bindings) and PORT_VARIABLE not in env:
            # The library takes the only port for the transport's; here it is a further one.
            exposed.add(f"{DEFAULT_PORT}/tcp")
    else:
        if exposed or bindings:
            # With several ports, this variable marks the transport's for the library.
            env[PORT_VARIABLE] = str(flags["port"])
        else:
            exposed.add(f"{flags['port']}/tcp")
    return DeployWorkloadOptions(
        exposed_ports=exposed,
        port_bindings=bindings,
        attach_stdio=flags["stdin"],
        k8s_pod_template_patch=_text_of(flags["patch"]),
        sse_headless_service_name=flags["headless_service"] or "",
        verification=flags["verify"] or "",
    )


def _program_of(image: str, args: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return entry point and arguments of a stdio server, which its bridge has to start."""
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


def _text_of(patch: str | None) -> str:
    if patch and patch.startswith("@"):
        return read_file(patch[1:], "--patch")
    return patch or ""


def _name_of(image: str) -> str:
    """Return the last part of the image's name, without tag and digest, as a name may be."""
    last = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return last.lower().replace("_", "-").replace(".", "-")


def _pair(text: str, option: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise Failure(f"{option} {text}: write KEY=VALUE", ExitCode.USAGE)
    return key, value


COMMAND = run
