"""The import contracts: an import that one of them forbids fails `make check`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The file that imports and what it imports: each pair of roles in both directions, a lower layer
# that imports a higher one, and modules that an image or a package does not have.
FORBIDDEN = (
    ("runtime/types.py", "mcpworkload.controller.queue"),
    ("runtime/types.py", "mcpworkload.bridge.lines"),
    ("controller/queue.py", "mcpworkload.runtime.types"),
    ("controller/queue.py", "mcpworkload.bridge.lines"),
    ("bridge/options.py", "mcpworkload.runtime.types"),
    ("bridge/options.py", "mcpworkload.controller.queue"),
    ("bridge/options.py", "mcpworkload.kube.errors"),
    ("bridge/session.py", "asyncio"),
    ("protocol/versions.py", "mcpworkload.kube.keys"),
    ("kube/errors.py", "mcpworkload.api.names"),
    ("exits/exit.py", "mcpworkload.runtime.errors"),
    ("verification/finding.py", "mcpworkload.controller.queue"),
    ("verification/tools.py", "aiohttp"),
    ("verification/requests.py", "mcpworkload.protocol.http.request"),
    ("api/base.py", "mcpworkload.exits.cursor"),
    ("cli/codes.py", "hack"),
    ("cli/commands/get.py", "mcpworkload.runtime.lifecycle"),
    ("controller/admission/view.py", "mcpworkload.controller.desired.pod"),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what import-linter prints for a copy of the package with every forbidden import."""
    folder = tmp_path_factory.mktemp("package")
    package = folder / "mcpworkload"
    shutil.copytree(
        ROOT / "operator" / "mcpworkload", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    for path, module in FORBIDDEN:
        with (package / path).open("a", encoding="utf-8") as file:
            file.write(f"\nimport {module}\n")
    (package / "gateway.py").write_text('"""A package that no contract names."""\n')
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


@pytest.mark.parametrize(("path", "module"), FORBIDDEN)
def test_a_forbidden_import_is_found(report: str, path: str, module: str) -> None:
    """The report names the file that has it and what it imports."""
    importer = "mcpworkload." + path.removesuffix(".py").replace("/", ".")
    assert f"{importer} -> {module}" in report


def test_a_package_without_a_layer_is_reported(report: str) -> None:
    """A new package has to be named in the contract of layers."""
    assert "gateway" in report
