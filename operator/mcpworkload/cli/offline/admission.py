"""Pure: an MCPWorkload of a file as the API server would store it, or its refusal."""

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from mcpworkload.api.names import API_VERSION, KIND
from mcpworkload.api.problems import found
from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.workload import Workload
from mcpworkload.cli.offline.metadata import check_metadata
from mcpworkload.cli.offline.structure import Problem, Schema, complete, faults, unknown_fields

# Metadata has a schema of Kubernetes' own.
_OTHERWISE_CHECKED: Final[Schema] = {"x-kubernetes-preserve-unknown-fields": True}


class NotAdmittedError(Exception):
    """The API server would refuse the object; `problems` are the reasons, each on one line."""

    def __init__(self, problems: Iterable[object]) -> None:
        self.problems = tuple(str(problem) for problem in problems)
        super().__init__("\n".join(self.problems))


def admit(body: dict[str, Any]) -> dict[str, Any]:
    """
    Return *body*, an MCPWorkload, as the API server would store it when it is created.

    Its status is looked at and left out, as there.

    Raises:
        NotAdmittedError: it would be refused.
    """
    if body.get("apiVersion") != API_VERSION:
        problem = f"found {found(body.get('apiVersion'))}; write {API_VERSION}"
        raise NotAdmittedError([Problem("apiVersion", problem)])
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        raise NotAdmittedError([Problem("metadata", "write a mapping with the workload's name")])
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        problem = f"found {found(metadata.get('name'))}; write the workload's name"
        raise NotAdmittedError([Problem("metadata.name", problem)])
    problems = [*unknown_fields(body, _schema(), ""), *check_metadata(metadata)]
    whole = {key: value for key, value in complete(body, _schema()).items() if key != "status"}
    problems += faults(whole, _schema(), "")
    if problems:
        raise NotAdmittedError(problems)
    try:
        # The rules that the CRD has in CEL, in their other form.
        Workload.parse(whole)
    except InvalidSpec as error:
        raise NotAdmittedError([error]) from None
    return whole


def is_workload(item: dict[str, Any]) -> bool:
    """Return whether *item* has the kind MCPWorkload, of whatever version."""
    return item.get("kind") == KIND


@cache
def _schema() -> Schema:
    schema: Any = json.loads(files(__package__).joinpath("schema.json").read_text("utf-8"))
    fields = {**schema["properties"], "metadata": _OTHERWISE_CHECKED}
    return {**schema, "properties": fields}
