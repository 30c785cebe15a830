"""Programs that tests and people need beside a cluster: from PATH, else built into the cache."""

import shutil
from pathlib import Path

from deploy.cluster.protocol import Options
from deploy.local import binaries

TOOLS = frozenset({"kubectl", "kwok", "kind"})


def find_tool(name: str) -> Path:
    """
    The path of a program; built at first use where PATH has none.

    kwok always comes from our own sources: its stages belong to one version.
    """
    on_path = shutil.which(name)
    if on_path is not None and name != "kwok":
        return Path(on_path)
    if name == "kubectl":
        return binaries.build(binaries.kubernetes(Options.from_environment().version)) / name
    return binaries.build(binaries.KWOK if name == "kwok" else binaries.KIND) / name
