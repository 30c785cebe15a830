"""What the author of an operation that fails is told."""

from typing import Any

import pytest

from mcpworkload.api.reasons import AcceptedReason
from mcpworkload.api.refusals import PatchRejected
from mcpworkload.controller.admission.template_patch import MAX_SIZE
from tests.support.operations import op, patched, taken

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
            "found a mapping with other content",
            id="another mapping",
        ),
        pytest.param(
            op("test", "/spec/containers/0/env/0/value", "s4"),
            "found a text with other content",
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
