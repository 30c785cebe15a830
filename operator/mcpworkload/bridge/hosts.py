"""
Under which names we may be addressed, and by which web pages.

A page in a browser can point a name of its own at any address, ours included. It can't choose
the name that the browser then sends us, which is why an address needs no further look.
"""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Hosts:
    """The names of a workload in its cluster, and what else its owner allows."""

    namespace: str
    services: Collection[str]
    allowed_hosts: Collection[str] = ()
    allowed_origins: Collection[str] = ()

    def serves(self, host: str) -> bool:
        """Whether the Host header *host* names us; its port may be anything."""
        host = host.lower()
        name = _without_port(host).rstrip(".")
        if name == "localhost" or _is_address(name):
            return True
        if host in self.allowed_hosts or name in self.allowed_hosts:
            return True
        # A pod's name may stand before its Service's.
        return self._is_service(name) or self._is_service(name.partition(".")[2])

    def admits(self, origin: str, host: str) -> bool:
        """Whether a page of *origin* may talk to us, which it addressed as *host*."""
        origin = origin.lower().rstrip("/")
        return origin in self.allowed_origins or origin in {
            f"http://{host.lower()}",
            f"https://{host.lower()}",
        }

    def _is_service(self, name: str) -> bool:
        service, _, rest = name.partition(".")
        if service not in self.services:
            return False
        namespace, _, domain = rest.partition(".")
        if not rest:
            return True
        return namespace == self.namespace and (
            not domain or domain == "svc" or domain.startswith("svc.")
        )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
