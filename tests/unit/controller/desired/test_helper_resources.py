"""A helper of ours fits where its server fits, and costs no more than it can use."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.api.stdio import Bridge
from mcpworkload.controller.desired.resources import (
    complete_resources,
    copier_resources,
    sidecar_resources,
)
from mcpworkload.kube.quantity import parse_quantity
from tests.support.bridged import attach, inject, pod

FULL: dict[str, Any] = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"cpu": "1", "memory": "256Mi", "nvidia.com/gpu": "1"},
}


def helper(spec: dict[str, Any]) -> dict[str, Any]:
    """The resources of the bridge's own container."""
    resources: dict[str, Any] = pod(spec)["initContainers"][0]["resources"]
    return resources


def amount(value: str) -> Decimal:
    """The number behind it."""
    return parse_quantity(value)


def test_the_copy_has_what_the_server_has() -> None:
    """A pod counts the larger of the two; devices stay with the server."""
    assert helper(inject(resources=FULL)) == {
        "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "128Mi"},
        "limits": {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "1Gi"},
    }


def test_a_copy_has_room_for_itself() -> None:
    """What a server may write says nothing about our own 25 MB."""
    tight = {"limits": {"ephemeral-storage": "10Mi", "memory": "64Mi"}}

    limits = helper(inject(resources=tight))["limits"]

    assert limits == {"ephemeral-storage": "128Mi", "memory": "64Mi"}


def test_a_sidecar_has_at_most_what_it_can_use() -> None:
    """As much as the server, and no second server."""
    large = {"requests": {"cpu": "4", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}

    assert helper(attach(resources=FULL)) == {
        "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "64Mi"},
        "limits": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "128Mi"},
    }
    assert helper(attach(resources=large)) == {
        "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "64Mi"},
        "limits": {"memory": "256Mi", "ephemeral-storage": "128Mi"},
    }


@pytest.mark.parametrize(("spec", "memory"), [(inject(), "1Gi"), (attach(), "256Mi")])
def test_without_a_limit_of_the_servers_no_cpu_is_limited(spec: Any, memory: str) -> None:
    """Throttling a bridge that has work helps nobody."""
    assert "cpu" not in helper(spec)["limits"]
    assert helper(spec)["limits"]["memory"] == memory


_CPU = st.integers(10, 8000)
_MEMORY = st.integers(64, 16384)


@st.composite
def servers(draw: st.DrawFn) -> dict[str, Any]:
    """What a spec may say: requests, limits, both, in part."""
    cpu, memory = sorted((draw(_CPU), draw(_CPU))), sorted((draw(_MEMORY), draw(_MEMORY)))
    whole = {
        "requests": {"cpu": f"{cpu[0]}m", "memory": f"{memory[0]}Mi"},
        "limits": {"cpu": f"{cpu[1]}m", "memory": f"{memory[1]}Mi"},
    }
    return {
        part: {name: value for name, value in amounts.items() if draw(st.booleans())}
        for part, amounts in whole.items()
    }


@given(servers(), st.sampled_from([Bridge.INJECT, Bridge.ATTACH]))
def test_a_helper_fits_where_its_server_fits(given_: dict[str, Any], bridge: Bridge) -> None:
    """Not above its limits nor in a wider proportion, with a CPU limit where it has one."""
    server = complete_resources(given_, bridge)
    ours = (copier_resources if bridge is Bridge.INJECT else sidecar_resources)(server)

    assert ours["limits"].keys() == server["limits"].keys()
    assert ours["requests"].keys() == server["requests"].keys()
    for name, limit in ours["limits"].items():
        least, most = amount(server["requests"][name]), amount(server["limits"][name])
        request = amount(ours["requests"][name])
        assert request <= amount(limit) <= most
        assert amount(limit) * least <= most * request
        # A LimitRange's minimum that the server meets, up to what a bridge can use.
        assert request >= min(least, amount({"cpu": "100m", "memory": "256Mi"}.get(name, "16Mi")))
