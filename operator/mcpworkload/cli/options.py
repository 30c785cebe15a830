"""The options that commands share."""

import functools
from collections.abc import Callable
from typing import Any

import click

from mcpworkload.cli.candidates import complete_contexts, complete_namespaces, complete_workloads
from mcpworkload.cli.durations import Duration
from mcpworkload.cli.invocation import Invocation, to_the_cluster
from mcpworkload.cli.target import Target

Command = Callable[..., Any]
#: The key under which tests put the connection that a command uses.
CONNECT = "mcpworkload.cli.connect"
OPERATOR_NAMESPACE = "mcpworkload-system"
FORMATS = ("json", "yaml", "name", "wide")


def where_options(command: Command) -> Command:
    """Add the options for cluster and namespace."""
    for option in reversed(_WHERE):
        command = option(command)
    return command


_WHERE = (
    click.option(
        "-n",
        "--namespace",
        metavar="NAMESPACE",
        shell_complete=complete_namespaces,
        help="The namespace of workloads that are named without one.  [default: the context's]",
    ),
    click.option(
        "--context",
        metavar="CONTEXT",
        shell_complete=complete_contexts,
        help="The kubeconfig's context to use.",
    ),
    click.option(
        "--kubeconfig",
        metavar="PATH",
        type=click.Path(exists=True, dir_okay=False),
        help="The kubeconfig to use.  [default: as kubectl]",
    ),
)


def cluster_options(command: Command) -> Command:
    """Add the options for cluster and namespace; pass *command* an `Invocation`."""

    @where_options
    @click.pass_context
    @functools.wraps(command)
    def with_invocation(
        context_: click.Context,
        /,
        namespace: str | None,
        context: str | None,
        kubeconfig: str | None,
        **arguments: Any,
    ) -> Any:
        before = context_.find_root().params
        target = Target(
            namespace or before.get("namespace"),
            context or before.get("context"),
            kubeconfig or before.get("kubeconfig"),
        )
        connect = context_.meta.get(CONNECT) or (context_.obj or {}).get(CONNECT, to_the_cluster)
        return command(Invocation(target, connect), **arguments)

    return with_invocation


def timeout_option(seconds: int) -> Callable[[Command], Command]:
    """Return the option for how long a command waits; 0 for ever."""
    return click.option(
        "--timeout",
        metavar="DURATION",
        type=Duration(),
        default=f"{seconds}s",
        show_default=True,
        callback=lambda _context, _parameter, value: value or None,
        help="How long to wait, such as 90s or 5m; 0 for as long as it takes.",
    )


def output_option(*formats: str) -> Callable[[Command], Command]:
    """Return the option for the form of the result; without it, a form for people."""
    chosen = formats or FORMATS
    more = "; wide has more columns" if "wide" in chosen else ""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(chosen),
        help=f"Write it for programs{more}.  [default: for people]",
    )


operator_namespace_option = click.option(
    "--operator-namespace",
    default=OPERATOR_NAMESPACE,
    show_default=True,
    shell_complete=complete_namespaces,
    help="Where the operator is installed.",
)
workload_argument = click.argument(
    "workload", metavar="NAME", shell_complete=complete_workloads, type=str
)
workloads_argument = click.argument(
    "workloads", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_workloads
)
container_option = click.option(
    "-c", "--container", metavar="NAME", help="Another container than the server's."
)
replica_option = click.option(
    "--replica", type=click.IntRange(min=0), help="Only this replica's pod."
)
