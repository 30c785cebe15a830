"""Completions for a shell, read from the cluster; none where that takes long."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import click

from mcpworkload.cli.invocation import to_the_cluster
from mcpworkload.cli.target import Target

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster

SECONDS = 2.0


def complete_workloads(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return names of workloads; ids once a slash has been typed."""
    del parameter
    given = context.params.get("workloads") or ()

    async def look(cluster: "Cluster") -> Iterable[str]:
        if "/" not in incomplete:
            return [info.name for info in await cluster.runtime.list_workloads()]
        namespace = incomplete.partition("/")[0]
        return [info.id for info in await cluster.runtime.list_workloads(namespace=namespace)]

    return [name for name in _offer(context, incomplete, look) if name not in given]


def complete_namespaces(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the namespaces of the cluster."""
    del parameter

    async def look(cluster: "Cluster") -> Iterable[str]:
        found = await cluster.read("/api/v1/namespaces")
        return [item["metadata"]["name"] for item in found["items"]]

    return _offer(context, incomplete, look)


def complete_contexts(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the contexts of the kubeconfig."""
    del parameter
    import os
    from pathlib import Path

    import yaml

    path = _given(context, "kubeconfig") or os.environ.get("KUBECONFIG")
    try:
        config = yaml.safe_load(Path(path or Path.home() / ".kube/config").read_text())
        names = [entry["name"] for entry in config["contexts"]]
    except (OSError, yaml.YAMLError, LookupError, TypeError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def _offer(
    context: click.Context,
    incomplete: str,
    look: "Callable[[Cluster], Awaitable[Iterable[str]]]",
) -> list[str]:
    """Return what *look* finds that starts like *incomplete*; nothing on an error or a timeout."""
    import asyncio

    target = Target(*(_given(context, key) for key in ("namespace", "context", "kubeconfig")))

    async def connected() -> Iterable[str]:
        async with to_the_cluster(target) as cluster, asyncio.timeout(SECONDS):
            return await look(cluster)

    try:
        found = asyncio.run(connected())
    except (RuntimeError, TimeoutError):
        return []
    return sorted(name for name in found if name.startswith(incomplete))


def _given(context: click.Context, option: str) -> str | None:
    """Return the value of *option*, given with the command or before it."""
    found: str | None = context.params.get(option) or context.find_root().params.get(option)
    return found
