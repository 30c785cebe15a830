"""Operations of a template patch: what parses, and what their author is told."""

from typing import Any

import pytest

from mcpworkload.api.patch import MAX_OPERATIONS, PatchOperation
from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.workload import parse_spec


def parse(*operations: Any) -> tuple[PatchOperation, ...]:
    """The operations of a spec that has them."""
    spec = {"image": "weather:1", "transport": {"type": "sse"}}
    return parse_spec({**spec, "podTemplatePatch": list(operations)}).pod_template_patch


@pytest.mark.parametrize(
    ("given", "rfc"),
    [
        ({"op": "add", "path": "/a"}, {"op": "add", "path": "/a", "value": None}),
        ({"op": "test", "path": ""}, {"op": "test", "path": "", "value": None}),
        ({"op": "replace", "path": "/a/~0~1", "value": [1.5, None]}, None),
        ({"op": "remove", "path": "/a"}, None),
        ({"op": "remove", "path": "/a", "value": None}, {"op": "remove", "path": "/a"}),
        ({"op": "move", "path": "/a", "from": ""}, None),
        ({"op": "copy", "path": "/", "from": "/b"}, None),
    ],
)
def test_an_operation_becomes_one_of_the_rfc(
    given: dict[str, Any], rfc: dict[str, Any] | None
) -> None:
    """A value that is left out is null; None stands for "as given"."""
    (operation,) = parse(given)

    assert operation.as_json() == (rfc or given)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        pytest.param(
            {"path": "/a"},
            "spec.podTemplatePatch[1].op: missing; write add, remove, replace, move, copy or test",
            id="no op",
        ),
        pytest.param(
            {"op": "remove"},
            "spec.podTemplatePatch[1].path: missing; write a JSON pointer into the pod template, "
            'as "/spec/nodeSelector"',
            id="no path",
        ),
        pytest.param(
            {"op": "merge", "path": "/a"},
            "spec.podTemplatePatch[1].op: found \"merge\"; write 'add', 'remove'",
            id="unknown op",
        ),
        pytest.param(
            {"op": "remove", "path": "spec.replicas"},
            'spec.podTemplatePatch[1].path: found "spec.replicas"; write a JSON pointer: a slash '
            "before each step",
            id="dots",
        ),
        pytest.param(
            {"op": "remove", "path": "/a~2"},
            'spec.podTemplatePatch[1].path: found "/a~2"; write a JSON pointer',
            id="a tilde that escapes nothing",
        ),
        pytest.param(
            {"op": "remove", "path": "/a\n~"}, "spec.podTemplatePatch[1].path: found", id="newline"
        ),
        pytest.param(
            {"op": "remove", "path": "/" * 1025},
            "write at most 1024 characters",
            id="an endless path",
        ),
        pytest.param(
            {"op": "move", "path": "/a"},
            "write from: move and copy take the value from there",
            id="move without from",
        ),
        pytest.param(
            {"op": "add", "path": "/a", "from": "/b"},
            "leave from out: only move and copy take a value from elsewhere",
            id="add with from",
        ),
        pytest.param(
            {"op": "copy", "path": "/a", "from": "b"},
            'spec.podTemplatePatch[1].from: found "b"; write a JSON pointer',
            id="from without slash",
        ),
        pytest.param(
            {"op": "remove", "path": "/a", "value": 1},
            'spec.podTemplatePatch[1]: found "remove with a value"; leave value out: only add, '
            "replace and test take one",
            id="remove with value",
        ),
        pytest.param(
            "remove", 'spec.podTemplatePatch[1]: found "remove"; write a mapping', id="a text"
        ),
    ],
)
def test_a_bad_operation_is_answered_with_what_to_write(operation: Any, message: str) -> None:
    """Path in the manifest, finding and remedy."""
    with pytest.raises(InvalidSpec) as caught:
        parse({"op": "test", "path": ""}, operation)

    assert message in str(caught.value)


def test_there_is_an_end_to_operations() -> None:
    """The API server prices rules by the longest list there may be."""
    with pytest.raises(InvalidSpec, match=f"write at most {MAX_OPERATIONS} entries"):
        parse(*[{"op": "test", "path": ""}] * (MAX_OPERATIONS + 1))
