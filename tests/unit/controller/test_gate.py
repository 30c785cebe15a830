"""Where the operator finds itself to be reached: the Service of the gate."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcpworkload.controller import gate
from mcpworkload.controller.admission.installation import GateTarget
from mcpworkload.controller.gate import find_gate
from mcpworkload.controller.settings import Settings
from mcpworkload.kube.errors import ApiError, Forbidden, NotFound, Unavailable

DEPLOY = Path(__file__).parents[3] / "deploy" / "base"
SETTINGS = Settings(operator_namespace="ops", gate_service="door")
CONTROL = {"name": "control", "port": 8081, "targetPort": 8081}
FORBIDDEN = {"name": "forbidden", "port": 8080, "targetPort": 8080}


def service(*ports: dict[str, Any], address: str = "10.96.0.7") -> dict[str, Any]:
    """The Service as the API server returns it."""
    return {"metadata": {"name": "door"}, "spec": {"clusterIP": address, "ports": list(ports)}}


class FakeApi:
    """Returns one thing after the other, and notes what was asked for."""

    def __init__(self, *answers: dict[str, Any] | ApiError) -> None:
        self.answers = list(answers)
        self.paths: list[str] = []

    async def request(self, method: str, path: str) -> bytes:
        """Return the next answer."""
        assert method == "GET"
        self.paths.append(path)
        answer = self.answers.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return json.dumps(answer).encode()


async def found(
    *answers: dict[str, Any] | ApiError, settings: Settings = SETTINGS
) -> GateTarget | None:
    """What is found where the API server gives those *answers*."""
    return await find_gate(FakeApi(*answers), settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["10.96.0.7", "fd00::7"])
async def test_the_ports_are_the_services(address: str) -> None:
    """With an address of either family."""
    api = FakeApi(service(FORBIDDEN, CONTROL, address=address))

    target = await find_gate(api, SETTINGS)  # type: ignore[arg-type]

    assert target == GateTarget(address, control_port=8081, forbidden_port=8080)
    assert api.paths == ["/api/v1/namespaces/ops/services/door"]


async def test_named_target_ports_are_the_deployments_to_resolve() -> None:
    """The names of the container's ports are not known here."""
    named = service(CONTROL | {"targetPort": "gate"}, FORBIDDEN | {"targetPort": "probes"})

    assert await found(named) == GateTarget("10.96.0.7", 8081, 8080)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NotFound("not there", status=404), "not there"),
        (Forbidden("no right", status=403), "no right"),
        (service(CONTROL, FORBIDDEN, address="None"), "it has no cluster IP"),
        (service(FORBIDDEN), "it has no port control; add one with port and targetPort 8081"),
        (service(CONTROL), "it has no port forbidden; add one with port and targetPort 8080"),
        (
            service(CONTROL, FORBIDDEN | {"targetPort": 9}),
            "its port forbidden is 8080 and leads to 9; write 8080",
        ),
        (service(CONTROL | {"port": 80}, FORBIDDEN), "its port control is 80 and leads to 8081"),
    ],
)
async def test_without_a_service_there_is_no_gate(
    answer: dict[str, Any] | ApiError, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says why: a forbidden port with nothing behind it would prove rules anywhere."""
    caplog.set_level(logging.INFO)

    assert await found(answer) is None

    (line,) = caplog.messages
    assert "Service door in ops" in line
    assert words in line


async def test_an_api_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator would refuse all isolated workloads until its next start."""
    monkeypatch.setattr(gate, "_RETRY_SECONDS", 0)

    target = await found(Unavailable("away"), Unavailable("away"), service(CONTROL, FORBIDDEN))

    assert target is not None


@pytest.mark.parametrize("settings", [Settings(probe_port=0), Settings(gate_port=0)])
async def test_there_is_no_gate_without_both_ports(settings: Settings) -> None:
    """The API server is not even asked."""
    assert await found(settings=settings) is None


def deployed(file: str) -> dict[str, Any]:
    """The first object in a file of the base."""
    found: dict[str, Any] = next(yaml.safe_load_all((DEPLOY / file).read_text()))
    return found


async def test_the_base_has_a_service_that_leads_to_the_operator() -> None:
    """By the defaults of the settings, and with the right to read it."""
    service, pod = deployed("gate-service.yaml"), deployed("deployment.yaml")["spec"]["template"]
    answer = {**service, "spec": {**service["spec"], "clusterIP": "10.96.0.7"}}
    defaults = Settings()

    target = await found(answer, settings=defaults)

    assert target == GateTarget("10.96.0.7", defaults.gate_port, defaults.probe_port)
    metadata = service["metadata"]
    assert (metadata["namespace"], metadata["name"]) == (
        defaults.operator_namespace,
        defaults.gate_service,
    )
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    ports = {port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    assert ports == {defaults.gate_port, defaults.probe_port}
    assert "gate-service.yaml" in deployed("kustomization.yaml")["resources"]
    assert {
        "apiGroups": [""],
        "resources": ["services"],
        "resourceNames": [defaults.gate_service],
        "verbs": ["get"],
    } in deployed("leader-role.yaml")["rules"]
