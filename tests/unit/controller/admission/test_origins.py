"""Paths are those of the spec where it wrote what is wrong, and of the template elsewhere."""

from typing import Any

import pytest

from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.controller.desired import Policy, build_draft
from mcpworkload.controller.settings import PodSecurity
from tests.support.bridged import IMAGE
from tests.support.parsed import make_workload

HOST: dict[str, Any] = {"name": "h", "hostPath": {"path": "/"}}
PLAIN: dict[str, Any] = {"name": "p", "emptyDir": {}}
BAD: dict[str, Any] = {"name": "bad", "image": "b:1", "securityContext": {"privileged": True}}
GOOD: dict[str, Any] = {"name": "good", "image": "g:1"}


def add(path: str, value: Any) -> dict[str, Any]:
    """An operation of a patch."""
    return {"op": "add", "path": path, "value": value}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        pytest.param({"volumes": [HOST]}, "spec.volumes[0].hostPath", id="the first volume"),
        pytest.param({"volumes": [PLAIN, HOST]}, "spec.volumes[1].hostPath", id="the second"),
        pytest.param(
            {
                "volumes": [PLAIN, HOST],
                "podTemplatePatch": [add("/spec/volumes/0", {"name": "x", "emptyDir": {}})],
            },
            "spec.volumes[1].hostPath",
            id="moved by a patch",
        ),
        pytest.param(
            {"podTemplatePatch": [add("/spec/volumes/-", HOST)]},
            "pod template /spec/volumes/1/hostPath",
            id="a patch's own",
        ),
        pytest.param(
            {"sidecars": [GOOD, BAD]},
            "spec.sidecars[1].securityContext.privileged",
            id="a sidecar",
        ),
        pytest.param(
            {"sidecars": [{**BAD, "restartPolicy": "OnFailure"}], "initContainers": [GOOD]},
            "spec.sidecars[0].securityContext.privileged",
            id="an ordinary sidecar",
        ),
        pytest.param(
            {"initContainers": [GOOD, BAD], "transport": {"type": "stdio"}, "command": ["x"]},
            "spec.initContainers[1].securityContext.privileged",
            id="an init container behind ours",
        ),
        pytest.param(
            {"securityContext": {"privileged": True}},
            "spec.securityContext.privileged",
            id="the server",
        ),
        pytest.param(
            {"podSecurityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            "spec.podSecurityContext.sysctls[0].name",
            id="the pod",
        ),
        pytest.param(
            {"probes": {"liveness": {"httpGet": {"host": "example.com", "port": 80}}}},
            "spec.probes.liveness.httpGet.host",
            id="a probe",
        ),
        pytest.param(
            {"priorityClassName": "system-node-critical"}, "spec.priorityClassName", id="a class"
        ),
        pytest.param(
            {"annotations": {"container.apparmor.security.beta.kubernetes.io/mcp": "unconfined"}},
            "spec.annotations[container.apparmor.security.beta.kubernetes.io/mcp]",
            id="an annotation",
        ),
        pytest.param(
            {"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {}}]}}]},
            "spec.volumes[0].projected.sources[0].serviceAccountToken.audience",
            id="what is missing",
        ),
    ],
)
def test_a_path_is_the_authors(spec: dict[str, Any], path: str) -> None:
    """Entries of ours before theirs, or of a patch, are not counted."""
    with pytest.raises(PolicyDenied) as denied:
        build_draft(make_workload(**spec), Policy(PodSecurity.BASELINE, bridge_image=IMAGE))

    assert str(denied.value).startswith(f"{path}: found ")
