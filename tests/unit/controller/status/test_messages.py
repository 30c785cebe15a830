"""What changes by itself does not stand in a message."""

import pytest

from mcpworkload.controller.status import messages


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('Get "http://10.0.0.7:8080/x": EOF', 'Get "http://<address>:8080/x": EOF'),
        ("dial tcp [fd00::7]:8080: refused", "dial tcp <address>:8080: refused"),
        (
            "read udp 10.0.0.5:43211->10.96.0.10:53: i/o timeout",
            "read udp <address>:53: i/o timeout",
        ),
        (f"container {'0a' * 32} gone", "container <id> gone"),
        (f"image weather@sha256:{'0a' * 32}", f"image weather@sha256:{'0a' * 32}"),
        ("version 1.2.3.4 of 12:30", "version 1.2.3.4 of 12:30"),
    ],
)
def test_steady(said: str, kept: str) -> None:
    """Addresses, ports of the moment and identifiers go; digests stay."""
    assert messages.steady(said) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "0/3 nodes are available: 1 Insufficient memory, 2 node(s) had untolerated taint "
            "{a: }. preemption: 0/3 nodes are available: 3 No preemption victims found.",
            "no node fits: Insufficient memory, node(s) had untolerated taint {a: }",
        ),
        (
            "0/5 nodes are available: 2 node(s) had untolerated taint {a: }, "
            "3 Insufficient memory. preemption: not eligible",
            "no node fits: Insufficient memory, node(s) had untolerated taint {a: }",
        ),
        (
            '0/1 nodes are available: persistentvolumeclaim "a" not found. not found',
            'no node fits: persistentvolumeclaim "a" not found',
        ),
        (
            "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, "
            "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            "no node fits: Insufficient memory",
        ),
        ("0/1 nodes are available: 1 Insufficient cpu.", "no node fits: Insufficient cpu"),
        ("no nodes available to schedule pods", "no nodes available to schedule pods"),
    ],
)
def test_scheduling(said: str, kept: str) -> None:
    """How many nodes there are, and in which order they come, is no news."""
    assert messages.scheduling_error(said) == kept


@pytest.mark.parametrize(
    ("said", "pod", "why"),
    [
        (
            'create Pod weather-0 in StatefulSet weather failed error: pods "weather-0" is '
            "forbidden: exceeded quota: q, requested: pods=1, used: pods=7, limited: pods=7",
            "weather-0",
            'pods "weather-0" is forbidden: exceeded quota: q, requested: pods=1, limited: pods=7',
        ),
        (
            "(combined from similar events): create Claim data-weather-1 Pod weather-1 in "
            "StatefulSet weather failed error: no",
            "weather-1",
            "claim data-weather-1: no",
        ),
        ("something else", "", "something else"),
    ],
)
def test_refusal(said: str, pod: str, why: str) -> None:
    """Of a pod or of its claim."""
    assert messages.failed_create(said) == (pod, why)
