"""What the package promises: the names, where they come from, and what they are drawn as."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import mcpworkload.runtime as package
from mcpworkload.runtime import Monitor, Runtime, WorkloadError, errors

SOURCE = Path(str(package.__file__)).parents[2]
# As they stand in the documentation of the interface that this comes from.
SEED_TYPES = (
    "ContainerInfo",
    "DeployWorkloadOptions",
    "Monitor",
    "Mount",
    "PermissionConfig",
    "PortBinding",
    "PortMapping",
    "Runtime",
)
SEED_FUNCTIONS = ("is_kubernetes_runtime", "new_deploy_workload_options")
SEED_METHODS = {
    "deploy_workload": (
        "image name command env_vars labels permission_profile transport_type options "
        "isolate_network"
    ),
    "list_workloads": "",
    "stop_workload": "workload_id",
    "remove_workload": "workload_id",
    "get_workload_logs": "workload_id follow",
    "is_workload_running": "workload_id",
    "get_workload_info": "workload_id",
    "attach_to_workload": "workload_id",
    "is_running": "",
}


def test_all_names_are_listed_and_in_order() -> None:
    """Everything public that `__init__` imports is in `__all__`, and nothing else."""
    tree = ast.parse(Path(str(package.__file__)).read_text())
    imported = {
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }

    assert package.__all__ == sorted(imported)


def test_every_name_of_the_seed_is_there() -> None:
    """In snake_case, with its arguments in their order."""
    assert {*SEED_TYPES, *SEED_FUNCTIONS} <= {*package.__all__}
    for method, arguments in SEED_METHODS.items():
        parameters = list(inspect.signature(getattr(Runtime, method)).parameters)
        assert parameters == ["self", *arguments.split()], method
    assert {"start_monitoring", "stop_monitoring"} <= set(dir(Monitor))


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Each error stands once, below the root."""
    drawn = re.findall(r"^ +[├└]── (\w+)", str(errors.__doc__), re.MULTILINE)

    assert drawn == [error.__name__ for error in WorkloadError.__subclasses__()]
    assert {"WorkloadError", *drawn} <= {*package.__all__}


def test_the_library_imports_neither_the_operator_nor_its_dependencies() -> None:
    """Who uses the library does not need what the operator needs."""
    code = (
        "import sys\n"
        "for name in ('kopf', 'jsonpatch', 'prometheus_client'): sys.modules[name] = None\n"
        "import mcpworkload.runtime"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    ended = subprocess.run([sys.executable, "-c", code], cwd="/", env=environment, check=False)
    assert ended.returncode == 0


def test_values_are_immutable() -> None:
    """What came out of the library cannot be changed under somebody else's hands."""
    frozen: list[Any] = [getattr(package, name) for name in package.__all__]
    values = [item for item in frozen if hasattr(item, "__dataclass_params__")]

    assert len(values) >= 10
    assert all(value.__dataclass_params__.frozen for value in values)


def test_the_first_name_of_the_events_is_still_theirs() -> None:
    """Code that was written with `Happening` goes on."""
    assert package.Happening is package.WorkloadEvent
