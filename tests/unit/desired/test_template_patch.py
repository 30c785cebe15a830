"""
Applying operations: what each does, and what the author of one that fails is told.

The documents are small on purpose; that the operations reach the template of a real workload
is the business of test_policy.py, and what nobody would think of that of test_patch_fuzz.py.
"""

import json
import sys
from copy import deepcopy
from typing import Any

import pytest

from mcpworkload.__main__ import JSON_RECURSION_LIMIT
from mcpworkload.desired import build_children
from mcpworkload.desired.template_patch import MAX_DEPTH, MAX_SIZE, apply_template_patch
from mcpworkload.errors import PatchRejected
from mcpworkload.models import PatchOperation, Workload
from mcpworkload.reasons import AcceptedReason
from tests.unit.builders import make_body

TEMPLATE: dict[str, Any] = {
    "metadata": {"annotations": {"a/b~c": "1"}, "labels": {}},
    "spec": {
        "containers": [
            {"name": "mcp", "image": "weather:1", "env": [{"name": "K", "value": "s3"}]}
        ],
        "volumes": [{"name": "a"}, {"name": "b"}],
        "hostNetwork": False,
        "terminationGracePeriodSeconds": 30,
    },
}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    """The template after *operations*."""
    parsed = [PatchOperation.model_validate(operation) for operation in operations]
    return apply_template_patch(TEMPLATE, parsed)


def op(name: str, path: str, *value: Any, **others: Any) -> dict[str, Any]:
    """An operation as it stands in a manifest."""
    return {"op": name, "path": path, **({"value": value[0]} if value else {}), **others}


def taken(name: str, path: str, source: str) -> dict[str, Any]:
    """A move or copy."""
    return {"op": name, "path": path, "from": source}


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


SPEC_KEYS = "/spec has containers, volumes, hostNetwork, terminationGracePeriodSeconds"


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        pytest.param(
            op("replace", "/spec/containers/1/image", "x"),
            "there is no /spec/containers/1; /spec/containers has 1 entry",
            id="a container that is not there",
        ),
        pytest.param(
            op("remove", "/spec/volumes/2"),
            "there is no /spec/volumes/2; /spec/volumes has 2 entries",
            id="beyond the end",
        ),
        pytest.param(
            op("remove", "/spec/dnsPolicy"),
            f"there is no /spec/dnsPolicy; {SPEC_KEYS}",
            id="an absent field",
        ),
        pytest.param(
            op("replace", "/metadata/labels/x", "y"),
            "there is no /metadata/labels/x; /metadata/labels is empty",
            id="in an empty mapping",
        ),
        pytest.param(
            op("add", "/spec/nodeSelector/disk", "ssd"),
            f"there is no /spec/nodeSelector; {SPEC_KEYS}; add /spec/nodeSelector first",
            id="below an absent field",
        ),
        pytest.param(
            op("add", "/status/x", 1),
            "there is no /status; the template has metadata, spec; add /status first",
            id="below the root",
        ),
        pytest.param(
            op("add", "/spec/a/b/c", 1),
            f"there is no /spec/a; {SPEC_KEYS}",
            id="two levels missing",
        ),
        pytest.param(
            op("add", "/spec/volumes/3", {}),
            "there is no /spec/volumes/3; /spec/volumes has 2 entries",
            id="add beyond the end",
        ),
        pytest.param(
            op("add", "/spec/volumes/tmp", {}),
            "/spec/volumes has 2 entries, which are numbered from 0",
            id="a name for a number",
        ),
        pytest.param(
            op("remove", "/spec/volumes/01"),
            "/spec/volumes has 2 entries, which are numbered from 0",
            id="a leading zero",
        ),
        pytest.param(
            op("remove", f"/spec/volumes/{'9' * 1000}"),
            "/spec/volumes has 2 entries, which are numbered from 0",
            id="a number of a thousand digits",
        ),
        pytest.param(
            op("remove", "/spec/volumes/-"),
            "/spec/volumes/- is the place after the last entry",
            id="remove after the end",
        ),
        pytest.param(
            op("test", "/spec/volumes/-/name", "a"),
            "/spec/volumes/- is the place after the last entry",
            id="test after the end",
        ),
        pytest.param(
            op("add", "/spec/hostNetwork/x", 1),
            "there is no /spec/hostNetwork/x; /spec/hostNetwork is false",
            id="below a scalar",
        ),
        pytest.param(
            op("add", "/spec/containers/0/image/0", 1),
            "there is no /spec/containers/0/image/0; /spec/containers/0/image is a text",
            id="inside of a text",
        ),
        pytest.param(op("remove", ""), "it cannot be removed", id="remove everything"),
        pytest.param(
            op("add", "", [1]),
            "this leaves a list; leave a mapping with metadata and spec",
            id="a list for a template",
        ),
        pytest.param(
            op("test", "/spec/containers/0/image", "weather:2"),
            'found "weather:1" instead of "weather:2"',
            id="a failing test",
        ),
        pytest.param(
            op("test", "/spec/terminationGracePeriodSeconds", "30"),
            'found 30 instead of "30"',
            id="a number is no text",
        ),
        pytest.param(
            op("test", "/spec/hostNetwork", 0), "found false instead of 0", id="false is not zero"
        ),
        pytest.param(
            op("test", "/spec/hostNetwork"), "found false instead of null", id="false is not null"
        ),
        pytest.param(
            op("test", "/spec/volumes/0", {"name": "x"}),
            "found a mapping, but another",
            id="another mapping",
        ),
        pytest.param(
            op("test", "/spec/containers/0/env/0/value", "s4"),
            "found a text, but another",
            id="what may be secret is not shown",
        ),
        pytest.param(
            op("test", "/spec/containers/0/env", "s4"),
            "found a list instead of a text",
            id="nor what was tested",
        ),
        pytest.param(
            taken("move", "/spec/x", "/spec/y"),
            f"from: there is no /spec/y; {SPEC_KEYS}",
            id="move from nowhere",
        ),
        pytest.param(
            taken("copy", "/spec/x", "/spec/volumes/-"),
            "from: /spec/volumes/- is the place after the last entry",
            id="copy from after the end",
        ),
        pytest.param(
            taken("copy", "/spec/x/y", "/spec/volumes"),
            f"there is no /spec/x; {SPEC_KEYS}; add /spec/x first",
            id="copy to nowhere",
        ),
        pytest.param(
            taken("move", "/spec/volumes/0/x", "/spec/volumes"),
            "from: /spec/volumes cannot be moved into itself",
            id="move into itself",
        ),
        pytest.param(
            taken("move", "/spec/volumes/2", "/spec/volumes/0"),
            "once /spec/volumes/0 is taken away, there is no such place any more",
            id="move shortens the list",
        ),
        pytest.param(
            op("add", "/spec/x", "x" * (MAX_SIZE + 1)),
            "value becomes larger than can be stored; write or copy less",
            id="too large",
        ),
    ],
)
def test_a_failure_says_what_stood_there(operation: dict[str, Any], why: str) -> None:
    """Index, operation, path, and why."""
    with pytest.raises(PatchRejected) as caught:
        patched(op("test", "/spec/hostNetwork", False), operation)

    error = caught.value
    where = operation["path"] or "the whole template"
    assert str(error) == f"spec.podTemplatePatch[1] ({operation['op']} {where}): {why}"
    assert (error.index, error.op, error.path) == (1, operation["op"], operation["path"])
    assert (error.reason, error.retry_after) == (AcceptedReason.PATCH_REJECTED, None)


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
