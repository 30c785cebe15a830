"""What a webhook or a policy writes over the spec: the field and both values, no secret ones."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.controller.desired import Child, build_children
from mcpworkload.controller.plan.comparison import compare_child
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.status import StatusInput
from mcpworkload.kube.objects import Service, StatefulSet
from tests.support.parsed import make_observation, make_pod, make_workload
from tests.support.statuses import status_for

SECRET = "hunter22hunter"  # noqa: S105 - of nobody
SPEC: dict[str, Any] = {
    "image": "weather:1",
    "command": ["serve", "--fast"],
    "args": ["--token", SECRET],
    "env": [{"name": "TOKEN", "value": SECRET}],
    "annotations": {"example.com/key": SECRET},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
}
POD = "spec.template.spec"
CONTAINER = f"{POD}.containers[mcp]"


def set_at(document: Any, steps: list[Any], value: Any) -> None:
    """Write *value* at *steps*; None takes it out."""
    for step in steps[:-1]:
        document = document[step]
    if value is None:
        del document[steps[-1]]
    else:
        document[steps[-1]] = value


def said_of(kind: str, steps: list[Any], value: Any) -> str:
    """The message of Accepted, where an apply of that child did not bring its own value back."""
    workload = make_workload(**SPEC)
    child: Child = next(each for each in build_children(workload) if each.id.kind == kind)
    manifest = deepcopy(child.manifest)
    manifest["metadata"] |= {"uid": "one", "resourceVersion": "200"}
    set_at(manifest, steps, value)
    types: dict[str, Any] = {"StatefulSet": StatefulSet, "Service": Service}
    live = msgspec.json.decode(msgspec.json.encode(manifest), type=types[kind])
    drift = compare_child(child, live)
    assert drift.difference
    child_id = ChildId(child.id.kind, "weather")
    applied = {child_id: Applied(child.digest, "one", 200, drift.fingerprint)}
    observation = make_observation(make_pod(ready=True), children=[live])
    if isinstance(live, StatefulSet):
        observation = make_observation(make_pod(ready=True), statefulset=live)
    inputs, drifts = StatusInput.of(workload), {child_id: drift}
    condition = status_for(inputs, observation, applied, drifts=drifts)["conditions"][0]
    assert condition["status"] == "True"
    return str(condition["message"])


TEMPLATE = ["spec", "template", "spec"]
SERVER = [*TEMPLATE, "containers", 0]


@pytest.mark.parametrize(
    ("kind", "steps", "value", "words"),
    [
        pytest.param(
            "StatefulSet",
            [*SERVER, "image"],
            "mirror.example/weather:1",
            'writes "mirror.example/weather:1" where the spec asks for "weather:1": '
            f"{CONTAINER}.image of the StatefulSet weather; the workload goes on with that",
            id="a mirror of images",
        ),
        pytest.param(
            "StatefulSet",
            [*SERVER, "resources", "limits", "memory"],
            "1Gi",
            f'writes "1Gi" where the spec asks for "512Mi": {CONTAINER}.resources.limits.memory',
            id="a size",
        ),
        pytest.param(
            "StatefulSet",
            [*TEMPLATE, "securityContext", "runAsNonRoot"],
            False,
            f"writes false where the spec asks for true: {POD}.securityContext.runAsNonRoot",
            id="a truth",
        ),
        pytest.param(
            "StatefulSet",
            [*TEMPLATE, "nodeSelector", "zone"],
            "west",
            f'writes "west" where the spec asks for nothing: {POD}.nodeSelector.zone',
            id="one more key of a map that has one owner",
        ),
        pytest.param(
            "StatefulSet",
            [*TEMPLATE, "tolerations"],
            [],
            f"writes an empty list where the spec asks for a list: {POD}.tolerations",
            id="a list that is emptied",
        ),
        pytest.param(
            "StatefulSet",
            [*SERVER, "securityContext"],
            None,
            f"the API server does not keep {CONTAINER}.securityContext",
            id="a field that is dropped",
        ),
        pytest.param(
            "Service",
            ["spec", "selector", "team"],
            "blue",
            'writes "blue" where the spec asks for nothing: spec.selector.team of the Service',
            id="another child",
        ),
        pytest.param(
            "StatefulSet",
            [*SERVER, "env", 0, "value"],
            f"x{SECRET}",
            f"writes another one where the spec asks for a text: {CONTAINER}.env",
            id="a variable",
        ),
        pytest.param(
            "StatefulSet", [*SERVER, "args", 1], "changed", f"{CONTAINER}.args", id="an argument"
        ),
        pytest.param(
            "StatefulSet",
            [*SERVER, "command"],
            ["sh", "-c", SECRET],
            f"{CONTAINER}.command",
            id="a program",
        ),
        pytest.param(
            "StatefulSet",
            ["metadata", "annotations", "example.com/key"],
            f"x{SECRET}",
            "metadata.annotations.example.com/key",
            id="an annotation",
        ),
    ],
)
def test_who_writes_what(kind: str, steps: list[Any], value: Any, words: str) -> None:
    """As much of it as may be repeated."""
    message = said_of(kind, steps, value)

    assert words in message
    assert SECRET not in message
