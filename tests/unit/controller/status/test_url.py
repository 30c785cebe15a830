"""No URL that leads to somebody else's pods: it is there while its Service is the workload's."""

from typing import Any

import pytest

from mcpworkload.api.names import ChildId
from mcpworkload.api.refusals import ChildConflict
from mcpworkload.controller.plan.observation import Applied
from mcpworkload.controller.status import StatusInput
from mcpworkload.kube.objects import Service
from tests.support.parsed import make_body, make_observation, make_pod, make_service, make_workload
from tests.support.parsed import owner as owned_by
from tests.support.statuses import status_for

READY = make_pod(ready=True)
URL = "http://weather.team.svc:8080/mcp"
OWN_SERVICE = {"type": "ClusterIP"}
OTHERS = [owned_by("other", "MCPWorkload", "other")]
IS_LEAVING = "2026-11-23T12:00:00Z"


def url_with(*services: Service, refusal: Any = None, applied: Any = None, **spec: Any) -> str:
    """`status.url` where those Services carry the workload's label."""
    inputs = StatusInput.of(make_workload(**spec))
    observation = make_observation(READY, children=services)
    return str(status_for(inputs, observation, applied, refusal)["url"])


@pytest.mark.parametrize(
    ("service", "url"),
    [
        pytest.param(make_service(), URL, id="ours"),
        pytest.param(make_service(ownerReferences=OTHERS), "", id="another workload's"),
        pytest.param(make_service(ownerReferences=[]), "", id="nobody's"),
        pytest.param(make_service(deletionTimestamp=IS_LEAVING), "", id="on its way out"),
        pytest.param(make_service(name="weather-svc"), "", id="the other one alone"),
    ],
)
@pytest.mark.parametrize("refusal", [None, ChildConflict("taken")], ids=["accepted", "conflict"])
def test_the_headless_service(service: Service, url: str, refusal: Any) -> None:
    """Whatever the conditions say."""
    assert url_with(service, refusal=refusal) == url


def test_the_service_with_an_address_of_its_own() -> None:
    """The URL names that one, and it is that one that counts."""
    url = "http://weather-svc.team.svc:8080/mcp"
    assert url_with(make_service(), service=OWN_SERVICE) == ""
    assert url_with(make_service(name="weather-svc"), service=OWN_SERVICE) == url
    foreign = make_service(name="weather-svc", ownerReferences=OTHERS)
    assert url_with(make_service(), foreign, service=OWN_SERVICE) == ""


def test_one_without_our_label_is_not_ours() -> None:
    """As of somebody who was there first, or who made an alias of that name: no cache shows it."""
    assert url_with(refusal=ChildConflict("taken")) == ""
    assert url_with() == ""


def test_what_was_just_made_is_ours() -> None:
    """The cache does not show it yet; once it does, and it is gone again, there is no URL."""
    child_id = ChildId("Service", "weather")
    assert url_with(applied={child_id: Applied("d", "svc", version=5000)}) == URL
    assert url_with(applied={child_id: Applied("d", "svc", version=5)}) == ""


def test_a_spec_that_does_not_parse() -> None:
    """The stored URL is judged likewise."""
    body = make_body(status={"observedGeneration": 1, "url": URL}, image=7)
    inputs = StatusInput.of_invalid(body)
    refusal = ChildConflict("taken")
    for service, url in ((make_service(), URL), (make_service(ownerReferences=OTHERS), "")):
        observation = make_observation(READY, children=[service])
        assert status_for(inputs, observation, refusal=refusal)["url"] == url


def test_a_stdio_server_without_a_bridge_has_no_url() -> None:
    """Its Service has no port."""
    transport = {"type": "stdio", "stdio": {"bridge": "None"}}
    assert url_with(make_service(), transport=transport) == ""
