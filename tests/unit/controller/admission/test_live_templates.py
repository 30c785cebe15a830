"""What others may not add to a live template, and what is left when it is taken out."""

from copy import deepcopy
from typing import Any

import pytest

from mcpworkload.controller.admission.policy import describe_forbidden
from mcpworkload.controller.desired import Policy, build_draft, find_forbidden
from mcpworkload.controller.plan.drift import first_difference
from mcpworkload.controller.plan.mending import stripped
from mcpworkload.controller.settings import PodSecurity
from mcpworkload.kube.manifest import Manifest
from tests.support import specs, stdio_specs
from tests.support.bridged import POLICY
from tests.support.parsed import make_workload

MINE = {"name": "mine", "image": "mine:1"}
# What the API server adds by itself, and what others may add.
HARMLESS: dict[str, Any] = {
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "serviceAccount": "default",
    "hostAliases": [{"ip": "10.1.1.1", "hostnames": ["a"]}],
}
PROJECTED = {"sources": [{"serviceAccountToken": {"path": "token"}}]}
TOKEN = {"name": "mcpw-bridge-token", "mountPath": "/token"}


def drifted(template: Manifest, **spec: Any) -> Manifest:
    """The *template* with *spec* in its spec, lists after what is there, and what is allowed."""
    live = deepcopy(template)
    pod = live["spec"]
    server = pod["containers"][0]
    server |= {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "Always"}
    server["env"] = [*server["env"], {"name": "MINE", "value": "1"}]
    pod["containers"].append({**MINE, "name": "allowed"})
    live["metadata"].setdefault("annotations", {})["mine"] = "1"
    _add(server, spec.pop("server", {}))
    live["metadata"]["labels"] |= spec.pop("labels", {})
    pod["containers"] = [*spec.pop("before", []), *pod["containers"]]
    _add(pod, {**HARMLESS, **spec})
    return live


def _add(place: Manifest, fields: Manifest) -> None:
    for field, value in fields.items():
        place[field] = [*place.get(field, []), *value] if isinstance(value, list) else value


FORBIDDEN: dict[str, dict[str, Any]] = {
    "the node's network": {"hostNetwork": True},
    "the node's processes": {"hostPID": True, "hostIPC": True},
    "a node": {"nodeName": "node-1"},
    "a privileged container": {"containers": [{**MINE, "securityContext": {"privileged": True}}]},
    "a privileged init container": {
        "initContainers": [{**MINE, "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]
    },
    "a container before the server's": {"before": [MINE]},
    "a folder of the node": {"volumes": [{"name": "mine", "hostPath": {"path": "/"}}]},
    "a token": {"volumes": [{"name": "mine", "projected": PROJECTED}]},
    "a port of the node": {"server": {"ports": [{"containerPort": 1, "hostPort": 1}]}},
    "a label of ours": {"labels": {"mcpworkload.dev/mine": "1"}},
    "several": {"hostNetwork": True, "containers": [
        {**MINE, "name": f"m{number}", "securityContext": {"privileged": True}}
        for number in range(3)
    ]},
    "the bridge's name": {"containers": [{**MINE, "name": "mcpw-bridge"}]},
    "the bridge's volume": {"volumes": [{"name": "mcpw-bridge", "emptyDir": {}}]},
    "the account of a bridge": {"serviceAccountName": "other-mcpw-bridge"},
}  # fmt: skip


def check(template: Manifest, live: Manifest, policy: Policy = POLICY) -> None:
    """Something is forbidden; once it is out, nothing is, and all else is still there."""
    assert describe_forbidden(find_forbidden(live, template, policy)).startswith("pod template /")

    paths = [("template", *each.path) for each in find_forbidden(live, template, policy)]
    left: Any = stripped({"template": template}, {"template": live}, paths)["template"]

    assert find_forbidden(left, template, policy) == ()
    assert first_difference(template, left) is None
    assert {"name": "MINE", "value": "1"} in left["spec"]["containers"][0]["env"]
    assert left["spec"]["hostAliases"] == HARMLESS["hostAliases"]
    assert left["metadata"]["annotations"]["mine"] == "1"


@pytest.mark.parametrize("added", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_forbidden_goes_and_the_rest_stays(added: dict[str, Any]) -> None:
    """Allowed containers, variables and annotations are somebody's good right."""
    template = build_draft(make_workload(env=[{"name": "A"}]), POLICY).template

    live = drifted(template, **added)
    check(template, live)

    assert "allowed" in {each["name"] for each in live["spec"]["containers"]}


LENT: dict[str, dict[str, Any]] = {
    "its token, in a container": {"containers": [{**MINE, "volumeMounts": [TOKEN]}]},
    "its token, in an init container": {"initContainers": [{**MINE, "volumeMounts": [TOKEN]}]},
    "its memory": {"shareProcessNamespace": True},
    "its stream": {"server": {"tty": True}},
}


@pytest.mark.parametrize("added", LENT.values(), ids=LENT)
def test_nothing_of_a_bridge_is_lent(added: dict[str, Any]) -> None:
    """Who has its token speaks as the server's client."""
    template = build_draft(make_workload(**stdio_specs.stdio()), POLICY).template

    check(template, drifted(template, serviceAccount="weather-mcpw-bridge", **added))


def test_what_is_allowed_is_the_installations_to_say() -> None:
    """The same addition, under another level."""
    template = build_draft(make_workload(), POLICY).template
    live = deepcopy(template)
    live["spec"]["containers"].append(MINE)

    assert find_forbidden(live, template, POLICY) == ()
    check(template, drifted(template), Policy(pod_security=PodSecurity.RESTRICTED))
    live["spec"]["hostNetwork"] = True
    assert find_forbidden(live, template, Policy(pod_security=PodSecurity.PRIVILEGED)) == ()


@pytest.mark.parametrize(
    "spec",
    [*specs.SPECS.values(), *stdio_specs.GOOD.values()],
    ids=[*specs.SPECS, *stdio_specs.GOOD],
)
def test_what_is_ours_and_harmless_is_allowed(spec: dict[str, Any]) -> None:
    """Whatever else the spec has; what the API server makes of it is an integration test's."""
    template = build_draft(make_workload(**spec), POLICY).template
    account = template["spec"].get("serviceAccountName", "default")

    assert find_forbidden(template, template, POLICY) == ()
    assert find_forbidden(drifted(template, serviceAccount=account), template, POLICY) == ()
