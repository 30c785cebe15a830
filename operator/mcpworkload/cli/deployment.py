"""The workload that `run` deploys: its manifest, and the wait until it is ready."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcpworkload.cli.codes import ExitCode, Failure

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.cli.progress import Reporter
    from mcpworkload.runtime import ContainerInfo


@dataclass(frozen=True)
class Deployment:
    """One workload as the options of `run` describe it."""

    #: The arguments of the library's `build_workload`, but for the namespace.
    arguments: Mapping[str, Any]
    #: Fields of the spec for which the library has no argument.
    fields: Mapping[str, Any]
    #: Whether the name comes from the image and not from `--name`.
    is_name_derived: bool
    #: Whether the tools that it has when it is ready are the only ones to accept.
    pins_tools: bool = False

    def manifest(self, namespace: str) -> dict[str, Any]:
        """
        Return the MCPWorkload, in *namespace* unless its name has one.

        Raises:
            WorkloadInvalid: an option cannot be expressed.
        """
        from mcpworkload.runtime import build_workload

        manifest = build_workload(**self.arguments, namespace=namespace)
        manifest["spec"].update(self.fields)
        return manifest

    async def apply(
        self, cluster: "Cluster", seconds: float | None, report: "Reporter"
    ) -> "ContainerInfo":
        """
        Apply the manifest and return the workload once it is ready.

        Raises:
            Failure: the name is derived, and belongs to another image's workload; or it is
                ready, and has no tools to pin.
            WorkloadError: as `deploy_workload` of the library.
        """
        manifest = self.manifest(cluster.namespace)
        metadata = manifest["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}"
        if self.is_name_derived:
            await _check_image(cluster, key, manifest["spec"]["image"])
        await cluster.deploy(manifest, seconds, report)
        if self.pins_tools:
            from mcpworkload.cli.pinning import pin_tools

            await pin_tools(cluster, manifest, seconds, report)
        return await cluster.runtime.get_workload_info(key)


async def _check_image(cluster: "Cluster", key: str, image: str) -> None:
    """
    Keep a name that was only derived from replacing another image's workload.

    Raises:
        Failure: the workload *key* runs an image of another repository than *image*.
    """
    from mcpworkload.cli.registry import parse
    from mcpworkload.runtime import WorkloadNotFound

    try:
        there = (await cluster.runtime.get_workload_info(key)).image
    except WorkloadNotFound:
        return
    ours, theirs = parse(image), parse(there)
    if (ours.registry, ours.repository) != (theirs.registry, theirs.repository):
        name = key.partition("/")[2]
        raise Failure(
            f"{key} runs another image, {there}: choose a name with --name, or write "
            f"--name {name} to replace it",
            ExitCode.USAGE,
        )
