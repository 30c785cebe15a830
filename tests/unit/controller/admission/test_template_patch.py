"""
Applying operations: what each does, and where there is an end to them.

The documents are small on purpose; that the operations reach the template of a real workload
is the business of test_policy.py, and what nobody would think of that of test_patch_fuzz.py.
"""

import json
import sys
from copy import deepcopy
from typing import Any

import pytest

from mcpworkload.__main__ import JSON_RECURSION_LIMIT
from mcpworkload.api.patch import PatchOperation
from mcpworkload.api.refusals import PatchRejected
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.template_patch import MAX_DEPTH, apply_template_patch
from mcpworkload.controller.desired import build_children
from tests.support.operations import TEMPLATE, op, patched, taken
from tests.support.parsed import make_body


@pytest.mark.parametrize(
    ("operations", "path", "expected"),
    [
        pytest.param([op("add", "/spec/x", 1)], "spec.x", 1, id="add a field"),
        pytest.param(
            [op("add", "/spec/hostNetwork", True)], "spec.hostNetwork", True, id="add over"
        ),
        pytest.param(
            [op("add", "/spec/volumes/1", {"name": "c"})],
            "spec.volumes",
            [{"name": "a"}, {"name": "c"}, {"name": "b"}],
            id="add into a list",
        ),
        pytest.param(
            [op("add", "/spec/volumes/-", {"name": "c"})],
            "spec.volumes",
            [{"name": "a"}, {"name": "b"}, {"name": "c"}],
            id="append by dash",
        ),
        pytest.param(
            [op("add", "/spec/volumes/2", {"name": "c"})],
            "spec.volumes",
            [{"name": "a"}, {"name": "b"}, {"name": "c"}],
            id="append by number",
        ),
        pytest.param([op("add", "/spec/-", 1)], "spec.-", 1, id="a dash is a key of a mapping"),
        pytest.param([op("add", "/spec/x")], "spec.x", None, id="add without value is null"),
        pytest.param([op("add", "/spec/x", None)], "spec.x", None, id="add null"),
        pytest.param(
            [op("add", "/spec/x", {"y": None})], "spec.x", {"y": None}, id="add a nested null"
        ),
        pytest.param([op("add", "/spec/x", 0.5)], "spec.x", 0.5, id="add a fraction"),
        pytest.param(
            [op("remove", "/spec/volumes/0")], "spec.volumes", [{"name": "b"}], id="remove"
        ),
        pytest.param([op("replace", "/spec/volumes", [])], "spec.volumes", [], id="replace"),
        pytest.param(
            [op("replace", "/spec/volumes")], "spec.volumes", None, id="replace without value"
        ),
        pytest.param(
            [taken("move", "/spec/x", "/spec/terminationGracePeriodSeconds")],
            "spec",
            {
                "containers": TEMPLATE["spec"]["containers"],
                "volumes": TEMPLATE["spec"]["volumes"],
                "hostNetwork": False,
                "x": 30,
            },
            id="move",
        ),
        pytest.param(
            [taken("move", "/spec/volumes/1", "/spec/volumes/0")],
            "spec.volumes",
            [{"name": "b"}, {"name": "a"}],
            id="move within a list",
        ),
        pytest.param(
            [taken("copy", "/spec/volumes/-", "/spec/volumes/0")],
            "spec.volumes",
            [{"name": "a"}, {"name": "b"}, {"name": "a"}],
            id="copy",
        ),
        pytest.param(
            [op("test", "/spec/volumes/0", {"name": "a"}), op("add", "/spec/x", 1)],
            "spec.x",
            1,
            id="a test that holds",
        ),
        pytest.param(
            [op("add", "/spec/x"), op("test", "/spec/x")], "spec.x", None, id="test without value"
        ),
        pytest.param(
            [op("replace", "/metadata/annotations/a~1b~0c", "2")],
            "metadata.annotations",
            {"a/b~c": "2"},
            id="escapes",
        ),
        pytest.param(
            [op("add", "/spec/x", {}), op("add", "/spec/x/y", 1), op("remove", "/spec/x/y")],
            "spec.x",
            {},
            id="in order",
        ),
        pytest.param(
            [op("add", "/spec/~01", 1)], "spec", {**TEMPLATE["spec"], "~1": 1}, id="escaped once"
        ),
        pytest.param(
            [op("add", "", {"spec": {"x": 1}})], "spec", {"x": 1}, id="the whole template"
        ),
        pytest.param([op("add", "/spec/", 1)], "spec.", 1, id="an empty key"),
    ],
)
def test_operations(operations: list[dict[str, Any]], path: str, expected: Any) -> None:
    """Each of the six does what RFC 6902 says."""
    result: Any = patched(*operations)

    for step in path.split("."):
        result = result[step]
    assert result == expected


def test_neither_the_template_nor_the_operations_are_changed() -> None:
    """Nor are they part of the result, which a later operation may change."""
    before = deepcopy(TEMPLATE)
    value = {"list": [1]}
    operations = (
        PatchOperation(op="add", path="/spec/x", value=value),
        PatchOperation(op="add", path="/spec/x/list/-", value=2),
        PatchOperation(op="add", path="/spec/volumes/0/x", value=3),
    )

    result = apply_template_patch(TEMPLATE, operations)

    assert result["spec"]["x"] == {"list": [1, 2]}
    assert (TEMPLATE, value) == (before, {"list": [1]})


def test_copies_of_copies_end_before_the_memory_does() -> None:
    """Each operation doubles the template."""
    doubling = taken("copy", "/spec/volumes/-", "/spec/volumes")

    with pytest.raises(PatchRejected, match=r"\[\d+\].*the template becomes larger") as caught:
        patched(op("add", "/spec/volumes/-", "x" * 1000), *[doubling] * 98)

    assert caught.value.index < 12


def test_a_deep_value_is_refused_before_anything_walks_down() -> None:
    """Half of Python's recursion limit would do."""
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(PatchRejected, match=f"value is nested more than {MAX_DEPTH} levels deep"):
        patched(op("add", "/spec/x", deep))


def test_copies_do_not_get_deep_either() -> None:
    """A template inside of a template inside of a template."""
    nesting = taken("copy", "/spec/x", "")

    with pytest.raises(PatchRejected, match="the template is nested more than"):
        patched(*[nesting] * 50)


@pytest.mark.xfail(
    sys.version_info >= (3, 12),
    raises=RecursionError,
    strict=False,
    reason="CPython 3.12 and later bound recursion in C; the operator's image has 3.11",
)
def test_the_deepest_body_that_an_api_server_sends_is_refused_and_nothing_dies() -> None:
    """From the watch's bytes to the condition: one workload must not end the operator."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(JSON_RECURSION_LIMIT)
    try:
        body = make_body(podTemplatePatch=[{"op": "add", "path": "/spec/x"}])
        text = json.dumps(body).replace(
            '"/spec/x"', f'"/spec/x", "value": {"[" * 9990}{"]" * 9990}'
        )
        with pytest.raises(PatchRejected, match="value is nested more than"):
            build_children(Workload.parse(json.loads(text)))
    finally:
        sys.setrecursionlimit(before)
