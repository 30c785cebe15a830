"""The walls between the packages stand: an import through one of them fails `make check`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# From where, what: siblings, the ground upward, and what an image or a package does not have.
FORBIDDEN = {
    "runtime/types.py": "mcpworkload.controller.queue",
    "controller/queue.py": "mcpworkload.runtime.types",
    "bridge/options.py": "mcpworkload.kube.errors",
    "bridge/session.py": "asyncio",
    "protocol/versions.py": "mcpworkload.kube.keys",
    "kube/errors.py": "mcpworkload.api.names",
    "exits/exit.py": "mcpworkload.runtime.errors",
    "api/base.py": "mcpworkload.exits.cursor",
    "cli/codes.py": "hack",
    "cli/commands/get.py": "mcpworkload.runtime.lifecycle",
    "controller/admission/view.py": "mcpworkload.controller.desired.pod",
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the check says of a copy of the package in which every wall has a hole."""
    folder = tmp_path_factory.mktemp("package")
    package = folder / "mcpworkload"
    shutil.copytree(
        ROOT / "operator" / "mcpworkload", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    for path, module in FORBIDDEN.items():
        with (package / path).open("a", encoding="utf-8") as file:
            file.write(f"\nimport {module}\n")
    (package / "gateway.py").write_text('"""A room that has no place yet."""\n')
    check = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports("
    code = f"{check}{str(ROOT / 'pyproject.toml')!r}, no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return re.sub(r"\s+", " ", done.stdout)


@pytest.mark.parametrize(("path", "module"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_an_import_through_a_wall_is_found(complaints: str, path: str, module: str) -> None:
    """By the file that has it, and what it imports."""
    importer = "mcpworkload." + path.removesuffix(".py").replace("/", ".")
    assert f"{importer} -> {module}" in complaints


def test_a_new_package_has_to_choose_its_floor(complaints: str) -> None:
    """Nobody can put one beside the others without saying where it stands."""
    assert "gateway" in complaints
