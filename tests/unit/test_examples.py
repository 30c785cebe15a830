"""Examples are what others build on: they stay within what the documents promise."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import mcpworkload.runtime

ROOT = Path(__file__).parents[2]
TOOLBOX = ROOT / "examples" / "toolbox"
OWN_GROUP = "tools.example.com"

Right = tuple[str, str, str]


def rights_of(rules: list[dict[str, Any]]) -> set[Right]:
    """Each group, resource and verb."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def documented_rights(page: str) -> set[Right]:
    """The rules that a page names."""
    (block,) = re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    found = yaml.safe_load(block)
    return rights_of(found["rules"] if isinstance(found, dict) else found)


def imported(source: Path) -> Iterator[tuple[str, str]]:
    """Each module that is imported, and the name taken from it."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_the_role_grants_what_the_pages_name() -> None:
    """Beyond that only the example's own resource; and no right in the whole cluster."""
    objects = list(yaml.safe_load_all((TOOLBOX / "deploy" / "rights.yaml").read_text()))
    granted = rights_of(next(item for item in objects if item["kind"] == "Role")["rules"])
    own = {right for right in granted if right[0] == OWN_GROUP}

    assert {item["kind"] for item in objects} == {"ServiceAccount", "Role", "RoleBinding"}
    assert own == {
        (OWN_GROUP, "toolboxes", "list"),
        (OWN_GROUP, "toolboxes", "watch"),
        (OWN_GROUP, "toolboxes", "patch"),
        (OWN_GROUP, "toolboxes/status", "patch"),
    }
    assert granted - own <= documented_rights("docs/library.md")


def test_the_library_page_names_the_rights_of_the_monitor() -> None:
    """Who reads only that page misses nothing."""
    assert documented_rights("docs/monitor.md") <= documented_rights("docs/library.md")


def test_it_uses_public_names_alone() -> None:
    """Of ours `mcpworkload.runtime`, and what that offers."""
    ours = [(module, name) for module, name in imported(TOOLBOX / "toolbox.py") if "mcp" in module]

    assert ours
    assert {module for module, _ in ours} == {"mcpworkload.runtime"}
    assert {name for _, name in ours} <= set(mcpworkload.runtime.__all__)
