"""The health script for Argo CD, run as Argo CD does: Lua 5.1 with few libraries."""

from lupa.lua51 import LuaRuntime

from tests.support.cluster import ROOT
from tests.support.kinds import Manifest

SCRIPT = ROOT / "deploy" / "gitops" / "argocd" / "health.lua"
# What Argo CD does not open; os it replaces by little more than the time.
_FORBIDDEN = ("io", "string", "math", "debug", "os", "require", "python")


def health_of(body: Manifest) -> tuple[str, str]:
    """Status and message that Argo CD shows for the object *body*."""
    lua = LuaRuntime()
    values = lua.globals()
    for name in _FORBIDDEN:
        values[name] = None
    values["obj"] = lua.table_from(body, recursive=True)
    result = lua.execute(SCRIPT.read_text(encoding="utf-8"))
    return result["status"], result["message"]
