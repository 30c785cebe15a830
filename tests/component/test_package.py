"""The source root shares its name with a module of Python's own: it must not get in the way."""

import operator
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_standard_operator_module_wins() -> None:
    """Here, and in an interpreter started in the project's root."""
    assert operator.add(1, 2) == 3
    command = [sys.executable, "-c", "import collections, operator; operator.add"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_the_source_root_is_no_package() -> None:
    """With an __init__.py in it, Python itself would not start in the project's root."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_operator_starts_without_the_kubernetes_package() -> None:
    """Its image has none: kopf would import it, which costs 50 MB."""
    code = "import sys; sys.modules['kubernetes'] = None; import mcpworkload.controller.app"
    assert subprocess.run([sys.executable, "-c", code], cwd="/", check=False).returncode == 0
