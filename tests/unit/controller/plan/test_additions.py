"""Which parts of a live object are somebody else's, by its managedFields."""

from typing import Any

import pytest

from mcpworkload.controller.plan.additions import find_additions

WANTED: dict[str, Any] = {
    "spec": {
        "replicas": 1,
        "selector": {"a": "1"},
        "template": {
            "metadata": {"annotations": {"ours": "1"}},
            "spec": {
                "containers": [{"name": "mcp", "image": "a:1", "ports": [{"containerPort": 80}]}],
                "volumes": [],
            },
        },
    }
}


def held(*steps: str, by: str = "kubectl-patch", **more: Any) -> dict[str, Any]:
    """Who holds the field at *steps*, each in the spelling of managedFields."""
    fields: dict[str, Any] = {}
    for step in reversed(steps):
        fields = {step: fields}
    return {"manager": by, "operation": "Update", "fieldsV1": fields, **more}


POD = ("f:spec", "f:template", "f:spec")
SERVER = (*POD, "f:containers", 'k:{"name":"mcp"}')
IN_POD = "spec.template.spec"
CASES: dict[str, tuple[list[dict[str, Any]], tuple[str, ...]]] = {
    "nothing": ([], ()),
    "a field": ([held(*POD, "f:hostNetwork")], (f"{IN_POD}.hostNetwork (kubectl-patch)",)),
    "a mapping, once": (
        [held(*POD, "f:affinity", "f:nodeAffinity", "f:x")],
        (f"{IN_POD}.affinity (kubectl-patch)",),
    ),
    "an entry": (
        [held(*POD, "f:containers", 'k:{"name":"evil"}', "f:image", by="injector")],
        (f"{IN_POD}.containers[evil] (injector)",),
    ),
    "a field of our entry": (
        [held(*SERVER, "f:tty")],
        (f"{IN_POD}.containers[mcp].tty (kubectl-patch)",),
    ),
    "an entry in an empty list": (
        [held(*POD, "f:volumes", 'k:{"name":"x"}', "f:emptyDir")],
        (f"{IN_POD}.volumes[x] (kubectl-patch)",),
    ),
    "a field that we set, too": ([held("f:spec", "f:replicas")], ()),
    "an entry that we have, too": (
        [held(*SERVER, "f:ports", 'k:{"containerPort":80,"protocol":"TCP"}', "f:name")],
        (f"{IN_POD}.containers[mcp].ports[80].name (kubectl-patch)",),
    ),
    "what is ours": ([held("f:spec", "f:x", by="mcpworkload")], ()),
    "the status": ([held("f:spec", "f:x", subresource="status")], ()),
    "the object's own labels": ([held("f:metadata", "f:labels", "f:x")], ()),
    "a restart": (
        [held("f:spec", "f:template", "f:metadata", "f:annotations",
              "f:kubectl.kubernetes.io/restartedAt", by="kubectl-rollout")],
        (),
    ),
    "two hands": (
        [held("f:spec", "f:x", by="one"), held("f:spec", "f:x", by="two"), held("f:spec", "f:y")],
        ("spec.x (one)", "spec.y (kubectl-patch)"),
    ),
    "no manager": ([{"fieldsV1": {"f:spec": {"f:x": {}}}}], ("spec.x (an unknown client)",)),
}  # fmt: skip


@pytest.mark.parametrize(("managed", "expected"), CASES.values(), ids=CASES)
def test_additions(managed: list[dict[str, Any]], expected: tuple[str, ...]) -> None:
    """Each once, as high up as it is foreign, with the hand that holds it."""
    assert find_additions(managed, WANTED) == expected
