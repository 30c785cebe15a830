"""The table of child kinds, against what is written by hand beside it."""

from pathlib import Path
from typing import Any

import yaml

from mcpworkload.controller.children import ATTACH_KINDS, CHILD_TYPES, ChildType, Pruning
from mcpworkload.kube.objects.children import LiveChild

DEPLOY = Path(__file__).parents[3] / "deploy" / "base"
APPLIED = {"get", "list", "watch", "create", "patch"}


def rules_of(file: str) -> dict[tuple[str, str], set[str]]:
    """The verbs of the ClusterRole in *file*, by group and resource."""
    documents: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / file).read_text()))
    role = next(each for each in documents if each["kind"] == "ClusterRole")
    verbs: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                verbs.setdefault((group, resource), set()).update(rule["verbs"])
    return verbs


def needed_by(each: ChildType) -> set[str]:
    """The verbs that the operator needs for the kind; a StatefulSet is deleted to be replaced."""
    is_deleted = each.pruning is not Pruning.NEVER or each.name == "StatefulSet"
    return APPLIED | ({"delete"} if is_deleted else set())


def test_the_roles_name_the_kinds_of_the_table() -> None:
    """A kind that the Role lacks could not be cached; another kind would be a right too many."""
    files = {False: "workload-role.yaml", True: "attach-role.yaml"}
    for is_for_attach, file in files.items():
        applied = {key: verbs for key, verbs in rules_of(file).items() if verbs >= APPLIED}
        expected = {
            ("" if "/" not in each.api_version else each.api_version.split("/")[0], each.plural): (
                needed_by(each)
            )
            for each in CHILD_TYPES.values()
            if each.is_for_attach == is_for_attach
        }
        assert applied == expected, file


def test_every_typed_child_has_a_row() -> None:
    """A typed object without a row is never cached or applied."""
    typed = {each for each in LiveChild.__subclasses__() if each.__module__ == LiveChild.__module__}

    assert {each.live for each in CHILD_TYPES.values()} == typed


def test_service_accounts_come_first() -> None:
    """No pod can be made without its ServiceAccount; a Role is there before its binding."""
    assert ATTACH_KINDS == ("ServiceAccount", "Role", "RoleBinding")
    stages = [CHILD_TYPES[name].stage for name in (*ATTACH_KINDS, "StatefulSet")]
    assert stages == sorted(set(stages))
