"""What Accepted says of a spec that is right and yet may not do what its author expects."""

from typing import Any

import pytest

from mcpworkload.controller.status.events import news
from tests.support.parsed import make_observation, make_service
from tests.support.statuses import READY, SECOND, status_of
from tests.support.stdio_specs import COMMAND, stdio

REMEDY = "write service: {type: ClusterIP, sessionAffinity: ClientIP};"
# Beside a type that is there, which is to stay.
ADDITION = "add service.sessionAffinity: ClientIP;"
AFFINE = {"type": "ClusterIP", "sessionAffinity": "ClientIP"}


def accepted(**spec: Any) -> str:
    """The message of Accepted, which is True."""
    condition = status_of(make_observation(READY, SECOND), **spec)["conditions"][0]
    assert (condition["type"], condition["status"]) == ("Accepted", "True")
    return str(condition["message"])


@pytest.mark.parametrize(
    ("spec", "is_told"),
    [
        pytest.param({"replicas": 2}, True, id="streamable HTTP"),
        pytest.param({"replicas": 9, "transport": {"type": "sse"}}, True, id="SSE"),
        pytest.param({"replicas": 2, "service": {"type": "ClusterIP"}}, True, id="an address"),
        pytest.param(
            {"replicas": 2, "service": {"type": "LoadBalancer", "sessionAffinity": "None"}},
            True,
            id="no affinity, said aloud",
        ),
        pytest.param({"replicas": 2, "service": AFFINE}, False, id="affinity"),
        pytest.param({"replicas": 1}, False, id="one replica"),
        pytest.param({"replicas": 0}, False, id="none"),
        pytest.param({"replicas": 2, "operatingMode": "Stopped"}, False, id="stopped"),
        pytest.param(stdio(**COMMAND, replicas=2, service=AFFINE), False, id="a bridge"),
    ],
)
def test_sessions_of_several_replicas(spec: dict[str, Any], is_told: bool) -> None:
    """What clients meet, and what to write."""
    message = accepted(**spec)

    has_service = "type" in spec.get("service", {})
    assert (REMEDY in message) is (is_told and not has_service)
    assert (ADDITION in message) is (is_told and has_service)
    assert ("400 or 404 (session not found)" in message) is is_told


def test_scaling_is_no_event() -> None:
    """The message does not change with the number, and a message alone is no news."""
    one, two, three = (
        status_of(make_observation(READY, SECOND, children=[make_service()]), replicas=count)
        for count in (1, 2, 3)
    )
    assert two["conditions"][0]["message"] == three["conditions"][0]["message"]
    for before, after in ((one, two), (two, three), (two, one)):
        assert "Accepted" not in [each.reason for each in news(before, after)]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param("memory", "512m", "512Mi", id="thousandths of a byte"),
        pytest.param("memory", "512", "it with Mi or Gi", id="bytes"),
        pytest.param("memory", "100k", "100Mi", id="kilobytes"),
        pytest.param("memory", "1000000", "it with Mi or Gi", id="a megabyte in bytes"),
        pytest.param("memory", "1e3", "it with Mi or Gi", id="an exponent"),
        pytest.param("memory", "0.5", "it with Mi or Gi", id="half a byte"),
        pytest.param("memory", "64Ki", "64Mi", id="kibibytes"),
        pytest.param("ephemeral-storage", "1m", "1Mi", id="storage"),
        pytest.param("memory", "512Mi", "", id="mebibytes"),
        pytest.param("memory", "0.5Gi", "", id="half a gibibyte"),
        pytest.param("memory", "134217728000m", "", id="as an autoscaler writes it"),
        pytest.param("memory", "0", "", id="zero"),
        pytest.param("cpu", "512m", "", id="half a processor"),
    ],
)
@pytest.mark.parametrize("owner", ["spec", "spec.sidecars[log]", "spec.initContainers[log]"])
def test_amounts_with_which_nothing_runs(owner: str, name: str, value: str, words: str) -> None:
    """The path, what is found, and what may be meant."""
    resources = {"limits": {name: value}}
    helper = [{"name": "log", "image": "log:1", "resources": resources}]
    spec: dict[str, dict[str, Any]] = {
        "spec": {"resources": resources},
        "spec.sidecars[log]": {"sidecars": helper},
        "spec.initContainers[log]": {"initContainers": helper},
    }
    said = f"{owner}.resources.limits.{name}: {value} is less than a mebibyte; write {words}"
    assert (said in accepted(**spec[owner])) is bool(words)


def test_a_small_request_hinders_nothing() -> None:
    """It is what the scheduler keeps free, and no bound."""
    assert "mebibyte" not in accepted(resources={"requests": {"memory": "64Ki"}})


@pytest.mark.parametrize(("limit", "is_told"), [("512m", True), ("10", True), ("64Ki", False)])
def test_a_volume_that_holds_no_file(limit: str, is_told: bool) -> None:
    """The path and what may be meant."""
    message = accepted(volumes=[{"name": "tmp", "emptyDir": {"sizeLimit": limit}}])

    assert (f"spec.volumes[tmp].emptyDir.sizeLimit: {limit} holds no file" in message) is is_told
