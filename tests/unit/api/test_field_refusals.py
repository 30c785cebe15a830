"""What is wrong with the fields beside the first ones, and rules about several fields at once."""

from typing import Any

import pytest

from mcpworkload.api.workload import Workload
from tests.support import specs
from tests.support.parsed import make_workload
from tests.unit.api.test_refusals import make_body, refusal

CLAIM: dict[str, Any] = specs.STORAGE["volumeClaimTemplates"][0]
SIDE = {"name": "side", "image": "side:1"}


def claim(name: str = "data", **spec: Any) -> dict[str, Any]:
    """A claim template, with *spec* over its spec."""
    return {"metadata": {"name": name}, "spec": {**CLAIM["spec"], **spec}}


@pytest.mark.parametrize("spec", specs.SPECS.values(), ids=specs.SPECS)
def test_good_specs_are_accepted(spec: dict[str, Any]) -> None:
    """Every field of them arrives."""
    parsed = make_workload(**spec).spec

    assert spec.keys() <= {
        info.alias
        for name, info in type(parsed).model_fields.items()
        if name in parsed.model_fields_set
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            {"imagePullPolicy": "always"},
            "spec.imagePullPolicy: found \"always\"; write 'Always', 'IfNotPresent' or 'Never'",
            id="pull policy",
        ),
        pytest.param(
            {"operatingMode": "Paused"},
            "spec.operatingMode: found \"Paused\"; write 'Running' or 'Stopped'",
            id="operating mode",
        ),
        pytest.param(
            {"ports": [{"name": "mcp", "port": 1}]},
            'spec.ports[0].name: found "mcp"; write a name of at most 15',
            id="the transport's port name",
        ),
        pytest.param(
            {"ports": [{"name": "a--b", "port": 1}]}, 'found "a--b"; write a name', id="port name"
        ),
        pytest.param(
            {"ports": [{"port": 1}]}, "spec.ports[0].name: missing; write it", id="no port name"
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]},
            "spec.ports: found a list; write a once",
            id="port name twice",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 1, "protocol": "TCP"}]},
            "spec.ports: found a list; give each entry another port",
            id="port twice",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2, "servicePort": 1}]},
            "spec.ports: found a list; give each entry another servicePort",
            id="service port twice",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 8080}]},
            "spec.ports: found a list; leave the transport's port out of ports",
            id="the transport's port",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 1, "servicePort": 8080}]},
            "spec.ports: found a list; leave the transport's port out of ports",
            id="the transport's port on the Service",
        ),
        pytest.param(
            {"sidecars": [{**SIDE, "name": "mcp"}]},
            'spec.sidecars: found a list; give the container another name than "mcp"',
            id="a sidecar called mcp",
        ),
        pytest.param(
            {"initContainers": [{**SIDE, "name": "mcp"}]},
            'spec.initContainers: found a list; give the container another name than "mcp"',
            id="an init container called mcp",
        ),
        pytest.param(
            {"sidecars": [SIDE], "initContainers": [SIDE]},
            "spec.sidecars: found a list; give the sidecar another name than those of init",
            id="a name in both lists",
        ),
        pytest.param(
            {"sidecars": [SIDE, SIDE]}, "spec.sidecars: found a list; write side once", id="twice"
        ),
        pytest.param(
            {"sidecars": [{"name": "Side", "image": "s"}]},
            "spec.sidecars: found a list; give each entry a name of",
            id="container name",
        ),
        pytest.param(
            {"sidecars": [{"name": "side"}]},
            "spec.sidecars: found a list; give each entry an image",
            id="no image",
        ),
        pytest.param(
            {"service": {"sessionAffinity": "ClientIP"}},
            "spec.service: found a mapping; write type: ClusterIP or LoadBalancer",
            id="affinity of the headless Service",
        ),
        pytest.param(
            {"service": {"type": "Headless", "annotations": {"a": "b"}}},
            "spec.service: found a mapping; write type: ClusterIP or LoadBalancer",
            id="annotations of the headless Service",
        ),
        pytest.param(
            {"service": {"headlessAlias": "weather-svc"}},
            'spec.service.headlessAlias: found "weather-svc"; write a name of lower-case letters',
            id="alias like a second service",
        ),
        pytest.param(
            {"service": {"type": "NodePort"}},
            "spec.service.type: found \"NodePort\"; write 'Headless', 'ClusterIP' or 'LoadBal",
            id="service type",
        ),
        pytest.param(
            {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
            "spec.updateStrategy.rollingUpdate: found a mapping; leave rollingUpdate out",
            id="a rolling update on delete",
        ),
        pytest.param(
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}},
            "spec.updateStrategy.rollingUpdate.maxUnavailable: found 0; write a whole number of 1",
            id="no pod may be missing",
        ),
        pytest.param(
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
            'maxUnavailable: found "101%"; write a whole number',
            id="more than all",
        ),
        pytest.param(
            {"disruptionBudget": {}},
            "spec.disruptionBudget: found an empty mapping; write either minAvailable or max",
            id="an empty budget",
        ),
        pytest.param(
            {"disruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}},
            "spec.disruptionBudget: found a mapping; write either",
            id="both bounds",
        ),
        pytest.param(
            {"disruptionBudget": {"minAvailable": "half"}},
            'spec.disruptionBudget.minAvailable: found "half"; write a whole number of 0',
            id="no percentage",
        ),
        pytest.param(
            {"volumeClaimTemplates": [claim(), claim()]},
            "spec.volumeClaimTemplates: found a list; give each entry another metadata.name",
            id="claim twice",
        ),
        pytest.param(
            {"volumeClaimTemplates": [claim()], "volumes": [{"name": "data", "emptyDir": {}}]},
            "spec.volumeClaimTemplates: found a list; give the claim another name than those in",
            id="claim and volume",
        ),
        pytest.param(
            {"volumeClaimTemplates": [claim(accessModes=[])]},
            "spec.volumeClaimTemplates[0].spec: found a mapping; write accessModes",
            id="no access mode",
        ),
        pytest.param(
            {"volumeClaimTemplates": [claim(resources={"requests": {}})]},
            "spec.volumeClaimTemplates[0].spec: found a mapping; write resources.requests.storage",
            id="no size",
        ),
        pytest.param(
            {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}]},
            "spec.volumes: found a list; write a once",
            id="volume twice",
        ),
        pytest.param(
            {"priorityClassName": "Very Important"},
            'spec.priorityClassName: found "Very Important"; write the name of a PriorityClass',
            id="priority class",
        ),
        pytest.param(
            {"probes": {"readiness": "none"}},
            'spec.probes.readiness: found "none"; write a mapping',
            id="a probe as text",
        ),
    ],
)
def test_a_bad_field_is_answered_with_path_finding_and_remedy(
    spec: dict[str, Any], message: str
) -> None:
    """A rule about several fields names the one that is to be changed."""
    assert message in refusal(make_body(**spec))


def test_the_same_number_of_another_protocol_is_another_port() -> None:
    """Also that of the transport, which is TCP."""
    ports = [{"name": "quic", "port": 8080, "protocol": "UDP"}, {"name": "b", "port": 81}]

    assert Workload.parse(make_body(ports=ports)).spec.ports[0].outside == (8080, "UDP")


@pytest.mark.parametrize(
    ("allowed", "replicas", "expected"),
    [(None, 9, 1), (3, 9, 3), ("50%", 5, 2), ("10%", 3, 1), ("100%", 4, 4)],
)
def test_how_many_replicas_may_miss(allowed: Any, replicas: int, expected: int) -> None:
    """A percentage is rounded down, as the StatefulSet controller does, but is never none."""
    rolling = {} if allowed is None else {"maxUnavailable": allowed}
    spec = make_workload(replicas=replicas, updateStrategy={"rollingUpdate": rolling}).spec

    assert spec.replicas_that_may_miss == expected
