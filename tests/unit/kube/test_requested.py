"""Requests in the words of Kubernetes, of which there are few."""

from types import SimpleNamespace
from typing import Any

import pytest
from yarl import URL

from mcpworkload.kube.requested import CountRequests, read_request

APPS = "/apis/apps/v1"
OURS = "/apis/mcpworkload.dev/v1alpha1"


@pytest.mark.parametrize(
    ("method", "path", "query", "verb", "resource"),
    [
        ("GET", "/api/v1/pods", "limit=500", "list", "pods"),
        ("GET", "/api/v1/namespaces/team/pods", "labelSelector=a", "list", "pods"),
        ("GET", f"{OURS}/mcpworkloads", "watch=true&timeoutSeconds=60", "watch", "mcpworkloads"),
        ("GET", "/api/v1/pods", "labelSelector=a&watch=true", "watch", "pods"),
        ("GET", f"{APPS}/namespaces/team/statefulsets/watch", "", "get", "statefulsets"),
        ("GET", "/api/v1/namespaces/team", "", "get", "namespaces"),
        ("GET", "/api/v1/namespaces", "", "list", "namespaces"),
        ("POST", "/apis/events.k8s.io/v1/namespaces/team/events", "", "create", "events"),
        ("PATCH", f"{APPS}/namespaces/team/statefulsets/a", "force=true", "patch", "statefulsets"),
        ("PATCH", f"{OURS}/namespaces/t/mcpworkloads/a/status", "", "patch", "mcpworkloads/status"),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/t/leases/a", "", "update", "leases"),
        ("DELETE", f"{APPS}/namespaces/team/statefulsets/a", "", "delete", "statefulsets"),
        ("DELETE", f"{APPS}/namespaces/t/statefulsets", "", "deletecollection", "statefulsets"),
        (
            "GET",
            f"/k8s/clusters/c-1{APPS}/namespaces/api/statefulsets/a",
            "",
            "get",
            "statefulsets",
        ),
        ("GET", OURS, "", "get", "discovery"),
        ("GET", "/version", "", "get", "version"),
    ],
)
def test_a_request_is_a_verb_and_a_resource(
    method: str, path: str, query: str, verb: str, resource: str
) -> None:
    """The API server counts by the same ones; no name of an object is among them."""
    assert read_request(method, path, query) == (verb, resource)


class Counts:
    """What was counted, and the clock."""

    def __init__(self) -> None:
        self.seconds = 10.0
        self.all: list[tuple[str, str, str, float]] = []
        self.count = CountRequests(lambda *each: self.all.append(each), lambda: self.seconds)

    async def send(self, answer: int | BaseException) -> Any:
        """Let a list of pods take two seconds, and end so."""

        async def handler(_: Any) -> Any:
            self.seconds += 2.0
            if isinstance(answer, BaseException):
                raise answer
            return SimpleNamespace(status=answer)

        request: Any = SimpleNamespace(method="GET", url=URL("https://h/api/v1/pods?limit=500"))
        return await self.count(request, handler)


async def test_each_request_is_counted_with_its_code_and_duration() -> None:
    """The response is handed on."""
    counts = Counts()

    assert (await counts.send(403)).status == 403
    assert counts.all == [("list", "pods", "403", 2.0)]


async def test_a_request_without_a_response_is_counted_too() -> None:
    """And fails as it would have."""
    counts = Counts()

    with pytest.raises(TimeoutError):
        await counts.send(TimeoutError())

    assert counts.all == [("list", "pods", "none", 2.0)]
