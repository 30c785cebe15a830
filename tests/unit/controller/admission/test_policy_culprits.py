"""Which operation of a patch is named for what must not stand in the final template."""

from typing import Any

import pytest

from mcpworkload.api.refusals import PatchRejected, PolicyDenied
from mcpworkload.controller.desired import Policy, build_children
from tests.support.parsed import make_workload
from tests.support.templates import build, denial, put


@pytest.mark.parametrize(
    ("operations", "index"),
    [
        pytest.param([{"op": "add", "path": "/spec/hostNetwork"}], 0, id="that very place"),
        pytest.param([{"op": "replace", "path": "/spec"}], 0, id="above it"),
        pytest.param([{"op": "add", "path": "/spec/hostNetwork/x"}], 0, id="below it"),
        pytest.param(
            [{"op": "add", "path": "/spec/hostNetwork"}, {"op": "add", "path": "/spec/x"}],
            0,
            id="not another place",
        ),
        pytest.param(
            [{"op": "add", "path": "/spec"}, {"op": "copy", "from": "/x", "path": "/spec"}],
            1,
            id="the last of two",
        ),
        pytest.param([{"op": "move", "from": "/spec/hostNetwork", "path": "/x"}], 0, id="from it"),
        pytest.param(
            [{"op": "test", "path": "/spec/hostNetwork"}], None, id="a test changes nothing"
        ),
        pytest.param([{"op": "add", "path": "/spec/volumes/-"}], None, id="the end of a list"),
    ],
)
def test_the_operation_that_touched_the_place_is_named(
    operations: list[dict[str, Any]], index: int | None
) -> None:
    """As a hint: entries of lists may have moved since."""
    message = denial(put(build(), "/spec/hostNetwork", True), *operations, policy=Policy())

    assert message.endswith(
        " forbids host namespaces"
        if index is None
        else f" forbids host namespaces (see spec.podTemplatePatch[{index}])"
    )


def test_an_appended_entry_is_found_wherever_the_end_was() -> None:
    """The author wrote a dash, the finding has a number."""
    workload = make_workload(
        podTemplatePatch=[
            {"op": "add", "path": "/spec/volumes/-", "value": {"name": "a", "hostPath": {}}}
        ]
    )

    with pytest.raises(PolicyDenied) as caught:
        build_children(workload)

    assert str(caught.value) == (
        "pod template /spec/volumes/1/hostPath: found an empty mapping; use another kind of "
        "volume: Pod Security baseline (v1.34) forbids hostPath (see spec.podTemplatePatch[0])"
    )


def test_a_patch_that_leaves_no_template_is_rejected_by_its_operation() -> None:
    """It applies, but not to what Kubernetes could read."""
    workload = make_workload(
        podTemplatePatch=[
            {"op": "test", "path": "/spec/volumes/0/name", "value": "tmp"},
            {"op": "replace", "path": "/spec/containers", "value": "none"},
        ]
    )

    with pytest.raises(PatchRejected) as caught:
        build_children(workload)

    assert str(caught.value) == (
        "spec.podTemplatePatch[1] (replace /spec/containers): this leaves at /spec/containers: "
        'found "none"; write a list'
    )
