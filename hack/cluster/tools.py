"""Programs that tests and people need beside a cluster: from PATH, else built into the cache."""

import shutil
from pathlib import Path

from hack.cluster.protocol import Options
from hack.local import binaries

_OWN_SETS = {
    "kwok": binaries.KWOK,
    "kind": binaries.KIND,
    "helm": binaries.HELM,
    "prometheus": binaries.PROMETHEUS,
    "promtool": binaries.PROMETHEUS,
}
TOOLS = frozenset({"kubectl", *_OWN_SETS})


def find_tool(name: str) -> Path:
    """
    Return the path of a program; built at first use where PATH has none.

    kwok and helm always come from our own sources: kwok's stages and helm's waiting belong to one
    version.
    """
    on_path = shutil.which(name)
    if on_path is not None and name not in ("kwok", "helm"):
        return Path(on_path)
    if name == "kubectl":
        return binaries.build(binaries.kubernetes(Options.from_environment().version)) / name
    return binaries.build(_OWN_SETS[name]) / name
