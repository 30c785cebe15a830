"""The API server's paths into the StatefulSet, as fields of the spec that somebody has written."""

from typing import Any

import pytest

from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.controller.desired import Policy, build_draft, name_fields
from mcpworkload.kube.errors import Refused
from tests.support.harness import KEY, make_harness
from tests.support.parsed import make_workload
from tests.support.stdio_specs import COMMAND, stdio

SPEC: dict[str, Any] = {
    "env": [{"name": "CITY", "value": "Oslo"}],
    "ports": [{"name": "metrics", "port": 9090}],
    "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
    "volumes": [{"name": "data", "emptyDir": {}}],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    "podSecurityContext": {"fsGroup": 7},
    "tolerations": [{"key": "gpu", "operator": "No"}],
    "probes": {"liveness": {"tcpSocket": {"port": 9}}},
    "initContainers": [{"name": "fetch", "image": "fetch:1"}],
    "sidecars": [
        {"name": "proxy", "image": "proxy:1", "env": [{"name": "A", "value": "x"}]},
        {"name": "log", "image": "log:1", "restartPolicy": "Never"},
    ],
}
IN = "spec.template.spec."


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("containers[0].resources.requests", "spec.resources.requests"),
        ("containers[0].image", "spec.image"),
        ("containers[0].env[8].name", "spec.env[0].name"),
        ("containers[0].volumeMounts[1].name", "spec.volumeMounts[0].name"),
        ("containers[0].livenessProbe.tcpSocket.port", "spec.probes.liveness.tcpSocket.port"),
        ("containers[1].image", "spec.sidecars[1].image"),
        ("initContainers[0].image", "spec.initContainers[0].image"),
        ("initContainers[1].env[0].name", "spec.sidecars[0].env[0].name"),
        ('containers[name="log"].imagePullPolicy', "spec.sidecars[1].imagePullPolicy"),
        ("tolerations[0].operator", "spec.tolerations[0].operator"),
        ("volumes[1].emptyDir", "spec.volumes[0].emptyDir"),
        ("securityContext.fsGroup", "spec.podSecurityContext.fsGroup"),
        ("terminationGracePeriodSeconds", "spec.template.spec.terminationGracePeriodSeconds"),
        ("containers[9].image", "spec.template.spec.containers[9].image"),
    ],
)
def test_a_path_of_the_template(path: str, field: str) -> None:
    """Numbered as there; what the spec has not written stays as it is."""
    workload = make_workload(**SPEC)
    template = build_draft(workload).template
    said = 'StatefulSet.apps "w" is invalid: [{}: Invalid value: 1: no, .{}: no]'

    text = name_fields(said.format(IN + path, IN + path), template, workload.spec)

    kept = f".{field}" if field.startswith("spec.template") else field
    assert text == said.replace(".{}", "{}").format(field, kept)


def test_other_paths_stay() -> None:
    """Of the StatefulSet itself, of a Service, and of nothing."""
    workload = make_workload()
    template = build_draft(workload).template
    for said in ("spec.ports[0].nodePort: no", "spec.replicas", "the spec.template is wrong"):
        assert name_fields(said, template, workload.spec) == said


async def test_a_rejection_speaks_of_the_spec() -> None:
    """In the condition, also when it is said again from memory."""
    harness = make_harness(resources=SPEC["resources"])
    why = "spec.template.spec.containers[0].resources.requests: must be less than the limit"
    harness.cluster.failures["StatefulSet weather"] = Refused(why, status=422)
    for _ in range(2):
        await harness.reconcile(KEY)

        message = harness.cluster.statuses[-1]["conditions"][0]["message"]
        assert "spec.resources.requests: must be less than the limit" in message
        assert "spec.template" not in message


NAMES = [
    pytest.param({"probes": {"readiness": {"httpGet": {"port": "http"}}}}, "", id="unknown"),
    pytest.param({"probes": {"readiness": {"httpGet": {"port": "mcp"}}}}, None, id="the server's"),
    pytest.param(
        {
            "ports": [{"name": "metrics", "port": 9}],
            "probes": {"readiness": {"httpGet": {"port": "metrics"}}},
        },
        None,
        id="a port of the user's",
    ),
    pytest.param({"probes": {"readiness": {"httpGet": {"port": 1234}}}}, None, id="a number"),
    pytest.param(
        {"probes": {"startup": {"tcpSocket": {"port": "web"}}}},
        'spec.probes.startup.tcpSocket.port: found "web"',
        id="another probe",
    ),
    pytest.param(
        {"lifecycle": {"preStop": {"httpGet": {"port": "admin", "path": "/"}}}},
        'spec.lifecycle.preStop.httpGet.port: found "admin"',
        id="a hook",
    ),
    pytest.param(
        {
            "sidecars": [
                {
                    "name": "proxy",
                    "image": "p:1",
                    "ports": [{"name": "admin", "containerPort": 9}],
                    "livenessProbe": {"httpGet": {"port": "mcp"}},
                }
            ]
        },
        'spec.sidecars[0].livenessProbe.httpGet.port: found "mcp", which is no port of that '
        "container; write a number, or a name of its ports: admin",
        id="a sidecar that calls the server's port",
    ),
    pytest.param(
        {
            "sidecars": [
                {
                    "name": "proxy",
                    "image": "p:1",
                    "ports": [{"name": "admin", "containerPort": 9}],
                    "livenessProbe": {"httpGet": {"port": "admin"}},
                }
            ]
        },
        None,
        id="its own",
    ),
    pytest.param(
        stdio({"bridge": "None"}, probes={"liveness": {"tcpSocket": {"port": "mcp"}}}),
        'spec.probes.liveness.tcpSocket.port: found "mcp", which is no port of that container; '
        "write a number",
        id="nothing of ours listens there",
    ),
    pytest.param(
        stdio(**COMMAND, probes={"liveness": {"tcpSocket": {"port": "mcp"}}}), None, id="a bridge"
    ),
    pytest.param(
        {
            "podTemplatePatch": [
                {
                    "op": "add",
                    "path": "/spec/containers/0/livenessProbe",
                    "value": {"tcpSocket": {"port": "web"}},
                }
            ]
        },
        'pod template /spec/containers/0/livenessProbe/tcpSocket/port: found "web"',
        id="a patch",
    ),
]


@pytest.mark.parametrize(("spec", "says"), NAMES)
def test_ports_that_are_called_by_name(spec: dict[str, Any], says: str | None) -> None:
    """Of that very container: the kubelet looks nowhere else, and says so after a while."""
    workload = make_workload(**spec)
    policy = Policy(bridge_image="bridge:1")
    if says is None:
        build_draft(workload, policy)
        return
    with pytest.raises(InvalidSpec) as caught:
        build_draft(workload, policy)
    expected = says or (
        'spec.probes.readiness.httpGet.port: found "http", which is no port of that container; '
        "write a number, or a name of its ports: mcp"
    )
    assert str(caught.value).startswith(expected)
