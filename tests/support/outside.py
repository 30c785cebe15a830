"""
What stands for the world outside of the cluster: pods with addresses that no other pod has.

The addresses and the zone lead to them on the local cluster alone: see `hack/local/network.py`.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.local.settings import TEST_DNS_ADDRESS
from tests.support.api import Api
from tests.support.attempts import Attempt, make_attempts
from tests.support.certificate import self_signed
from tests.support.cluster import Cluster
from tests.support.kinds import Manifest
from tests.support.manifests import SMALL, make_object
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, field
from tests.support.servers import outside

ALLOWED, BELOW, OTHER, LOOK_ALIKE = (f"198.51.100.{number}" for number in (10, 11, 12, 13))
METADATA = "169.254.10.10"
ZONE = "outside.test"
#: The name that profiles list, and what each stand-in answers with.
LISTED = f"allowed.{ZONE}"
PUBLIC_HOSTS = {
    "allowed": ALLOWED,
    "below": BELOW,
    "other": OTHER,
    "look-alike": LOOK_ALIKE,
    "metadata": METADATA,
}
INNER = "inner"
SOURCE = Path(outside.__file__).read_text(encoding="utf-8")
PORTS = {"http": outside.HTTP, "https": outside.HTTPS, "tcp": outside.TCP, "udp": outside.UDP}
IS_RUNNING = Predicate(
    "is ready",
    lambda pod: (
        pod is not None
        and bool(field(pod, "status", "podIP"))
        and bool(field(pod, "status", "containerStatuses", 0, "ready"))
    ),
)


@dataclass(frozen=True)
class Outside:
    """The stand-ins, which run."""

    namespace: Namespace
    #: The addresses of a pod with nothing special about it, and of a Service in front of it.
    pod_address: str
    service_address: str


@asynccontextmanager
async def open_outside(
    api: Api, cluster: Cluster, folder: Path, operator_log: Callable[[], str]
) -> AsyncIterator[Outside]:
    """
    The stand-ins in a namespace of their own, with files for them in *folder*.

    Two at the same time would answer for the same addresses.
    """
    async with Namespace.open(api, "outside", operator_log) as namespace:
        # Addresses and low ports are not for restricted pods.
        labels = {"pod-security.kubernetes.io/enforce": "privileged"}
        await api.patch("Namespace", "", namespace.name, {"metadata": {"labels": labels}})
        certificate = self_signed(folder, ZONE).read_text(encoding="utf-8")
        inner = await namespace.create(make_service(INNER))
        service_address: str = inner["spec"]["clusterIP"]
        await namespace.create(make_dns())
        hosts = {"hosts": list(PUBLIC_HOSTS.items()), "certificate": certificate}
        table = build_names(service_address)
        await namespace.create(make_pod("hosts", {**hosts, "names": table}))
        alone = {"hosts": [[INNER, ""]], "certificate": certificate, "names": {}}
        await namespace.create(make_pod(INNER, alone))
        await namespace.until("Pod", "hosts", IS_RUNNING)
        pod = await namespace.until("Pod", INNER, IS_RUNNING)
        names = (LISTED, f"private.{ZONE}")
        await until_reached(cluster, namespace.name, INNER, names)
        yield Outside(namespace, pod["status"]["podIP"], service_address)


async def until_reached(
    cluster: Cluster, namespace: str, pod: str, names: Iterable[str], seconds: float = 30.0
) -> None:
    """
    Return once a pod reaches all of these names: kube-proxy knows the Services.

    Raises:
        AssertionError: with the last attempts.
    """
    made = [Attempt(name, "tcp", name, PORTS["tcp"], is_aware=False) for name in names]
    deadline = time.monotonic() + seconds
    while True:
        outcomes = await make_attempts(cluster, namespace, pod, made)
        if all(outcome.startswith("reached") for outcome in outcomes.values()):
            return
        assert time.monotonic() < deadline, outcomes


def build_names(private: str) -> dict[str, list[list[str]]]:
    """
    The zone: by name, the answers that its lookups get in turn.

    *private* is the address of a Service.
    """
    return {
        LISTED: [[ALLOWED]],
        f"sub.{LISTED}": [[BELOW]],
        f"deep.sub.{LISTED}": [[BELOW]],
        f"other.{ZONE}": [[OTHER]],
        f"notallowed.{ZONE}": [[LOOK_ALIKE]],
        f"{LISTED}.look-alike.test": [[LOOK_ALIKE]],
        f"private.{ZONE}": [[private]],
        f"private.{LISTED}": [[private]],
        f"metadata.{ZONE}": [[METADATA]],
        **{f"rebind.{zone}": [[ALLOWED], [private]] for zone in (ZONE, LISTED)},
        **{f"both.{zone}": [[ALLOWED, private], [private, ALLOWED]] for zone in (ZONE, LISTED)},
    }


def make_pod(name: str, asked: dict[str, Any]) -> Manifest:
    """A pod that answers as *asked*, and may give itself addresses."""
    # What has addresses of its own does not answer at the pod's.
    address = asked["hosts"][0][1] or "127.0.0.1"
    probe = f"import socket; socket.create_connection(({address!r}, {outside.TCP}))"
    container = {
        "name": "mcp",
        "image": SMALL,
        "command": ["python3", "-I", "-S", "-c", SOURCE, json.dumps(asked)],
        "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
        "readinessProbe": {
            "exec": {"command": ["python3", "-I", "-S", "-c", probe]},
            "periodSeconds": 1,
        },
    }
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
    }
    pod = make_object("Pod", name, spec=spec)
    pod["metadata"]["labels"] = {"app": name}
    return pod


def make_service(name: str) -> Manifest:
    """A Service in front of the pod of that name, for what it serves."""
    ports = [
        {"name": protocol, "port": port, "protocol": "UDP" if protocol == "udp" else "TCP"}
        for protocol, port in PORTS.items()
    ]
    return make_object("Service", name, spec={"selector": {"app": name}, "ports": ports})


def make_dns() -> Manifest:
    """The Service that the cluster's DNS asks for names in the zone."""
    return make_object(
        "Service",
        "dns",
        spec={
            "selector": {"app": "hosts"},
            "clusterIP": TEST_DNS_ADDRESS,
            "ports": [{"name": "dns", "port": outside.DNS, "protocol": "UDP"}],
        },
    )
