"""The list of tools that a workload has, as the only one that it may have."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mcpworkload.cli.codes import Failure

if TYPE_CHECKING:
    from mcpworkload.cli.cluster import Cluster
    from mcpworkload.cli.progress import Reporter

# The operator may write the status between our reading and our writing.
_ATTEMPTS: Final = 5


async def pin_tools(
    cluster: "Cluster", manifest: dict[str, Any], seconds: float | None, report: "Reporter"
) -> None:
    """
    Apply *manifest*, whose workload is ready, with the digest of its tools.

    Returns when it is ready again. The pin is a field as the others: a later `run` that leaves it
    out removes it.

    Raises:
        Failure: there is no digest; the workload stays as it is.
        WorkloadError: as `Cluster.deploy`.
    """
    from mcpworkload.runtime import WorkloadConflict

    metadata = manifest["metadata"]
    key = f"{metadata['namespace']}/{metadata['name']}"
    for attempt in range(1, _ATTEMPTS + 1):
        body = await (await cluster.find(key)).read()
        pinned = _pinned(manifest, body, await _digest(cluster, body))
        try:
            await cluster.deploy(pinned, seconds, report)
        except WorkloadConflict:
            if attempt == _ATTEMPTS:
                raise
        else:
            return


def _pinned(manifest: Mapping[str, Any], body: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """Return *manifest* with the pin, for the very state of *body* alone: that was asked."""
    state = {key: body["metadata"][key] for key in ("uid", "resourceVersion")}
    spec = manifest["spec"]
    verification = {**spec.get("verification", {}), "expectTools": digest}
    return {
        **manifest,
        "metadata": {**manifest["metadata"], **state},
        "spec": {**spec, "verification": verification},
    }


async def _digest(cluster: "Cluster", body: Mapping[str, Any]) -> str:
    """Return the digest that the operator read, or else one that is read now."""
    from mcpworkload.cli.verifying import read_tools
    from mcpworkload.runtime import WorkloadNotRunning
    from mcpworkload.runtime.info import info_of

    info = info_of(body)
    if info.verification == "HandshakeOk" and info.server is not None and info.server.tools_digest:
        return info.server.tools_digest
    try:
        return (await read_tools(cluster, info.id)).digest
    except (Failure, WorkloadNotRunning) as error:
        words = f"{info.id} is ready, and its tools are not pinned"
        raise Failure(f"{words}: {error.message.removeprefix(f'{info.id}: ')}") from error
