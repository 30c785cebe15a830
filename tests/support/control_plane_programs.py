"""The programs of a control plane without a node: what differs from those of the local cluster."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hack.local import components
from hack.local.processes import Program, build_flags
from hack.local.settings import Listening, Settings

#: Started in this order, ended in the reverse.
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
AUDIT_POLICY = Path(__file__).with_name("audit-policy-control-plane.yaml")
_STAGES = Path(__file__).with_name("kwok-stages.yaml")
# The StatefulSet controller and the scheduler would otherwise be what a measurement shows.
_CLIENT_LIMITS = {"kube-api-qps": 300, "kube-api-burst": 600}
_AUDIT_MEGABYTES = 20_000


@dataclass(frozen=True)
class Flags:
    """Flags, by their names without dashes, that a caller adds to those of a component."""

    etcd: Mapping[str, object] = field(default_factory=dict)
    apiserver: Mapping[str, object] = field(default_factory=dict)
    controller_manager: Mapping[str, object] = field(default_factory=dict)
    scheduler: Mapping[str, object] = field(default_factory=dict)
    kwok: Mapping[str, object] = field(default_factory=dict)


def free_ports() -> Listening:
    """Return ports on loopback on which nothing listens now."""
    probes = [socket.socket() for _ in range(5)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        api, etcd, etcd_peer, manager, scheduler = (probe.getsockname()[1] for probe in probes)
    finally:
        for probe in probes:
            probe.close()
    return Listening("127.0.0.1", api, etcd, etcd_peer, manager, scheduler)


def build_programs(settings: Settings, flags: Flags) -> dict[str, Program]:
    """Return every program by its name, in the order of NAMES; configurations are written."""
    apiserver = {
        # The readers of the log count from a position on: one file for all.
        "audit-log-maxsize": _AUDIT_MEGABYTES,
        # Without a node there is nothing behind the Service `kubernetes`.
        "endpoint-reconciler-type": "none",
        **flags.apiserver,
    }
    manager = {
        **_CLIENT_LIMITS,
        # A component that stands still for a test must not cost the nodes their pods.
        "node-monitor-grace-period": "1h",
        **flags.controller_manager,
    }
    programs = (
        components.etcd(settings, flags.etcd),
        components.apiserver(settings, apiserver),
        components.controller_manager(settings, manager),
        components.scheduler(settings, {**_CLIENT_LIMITS, **flags.scheduler}),
        _kwok(settings, flags.kwok),
    )
    return {program.name: program for program in programs}


def _kwok(settings: Settings, more: Mapping[str, object]) -> Program:
    """Return kwok: it says of every node and of every pod on it that they are ready."""
    flags = {
        "kubeconfig": settings.kubeconfig,
        "config": _STAGES,
        "manage-all-nodes": "true",
        "node-lease-duration-seconds": 40,
        # Room for any number of pods on each node.
        "cidr": "10.128.0.0/9",
        "v": "WARN",
        **more,
    }
    return Program("kwok", (settings.binary("kwok", "kwok"), *build_flags(flags)))


def build_node(number: int) -> dict[str, object]:
    """Return the manifest of one fake node, with room for any number of pods."""
    room = {"cpu": "1000", "memory": "4Ti", "pods": "100000", "ephemeral-storage": "4Ti"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"kwok-{number}", "labels": {"type": "kwok"}},
        "status": {"allocatable": room, "capacity": room},
    }
