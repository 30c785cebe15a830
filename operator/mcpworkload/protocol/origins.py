"""
The names under which clients may address the server, and the web pages that may.

A page in a browser can point a name of its own at any address, the server's included. It cannot
choose the Host header that the browser then sends, so a request by address needs no other check.
"""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

RESOLVER = Path("/etc/resolv.conf")
DEFAULT_DOMAIN = "cluster.local"


@dataclass(frozen=True)
class Hosts:
    """The names of a workload in its cluster, and what else its owner allows."""

    namespace: str
    services: Collection[str]
    allowed_hosts: Collection[str] = ()
    allowed_origins: Collection[str] = ()
    #: The ends of names of Services. Anyone may own web.team.svc.anything.example.
    domains: Collection[str] = (DEFAULT_DOMAIN,)

    def serves(self, host: str) -> bool:
        """Return whether the Host header *host* names this server; its port may be anything."""
        host = host.lower()
        name = _without_port(host).rstrip(".")
        if _is_fixed(name):
            return True
        if host in self.allowed_hosts or name in self.allowed_hosts:
            return True
        pod, _, rest = name.partition(".")
        return self._is_service(name) or (self._is_pod(pod) and self._is_service(rest))

    def admits(self, origin: str, host: str) -> bool:
        """
        Return whether a page of *origin* may call this server, which it addressed as *host*.

        A page that is not listed may do so only if it came from this server, and by a name that
        cannot be pointed here: outside of the cluster, `NAME.NAMESPACE` may have another owner.
        """
        origin, host = origin.lower().rstrip("/"), host.lower()
        if origin in self.allowed_origins:
            return True
        is_own = origin in (f"http://{host}", f"https://{host}")
        return is_own and _is_fixed(_without_port(host))

    def _is_pod(self, name: str) -> bool:
        # With any label before it, a foreign domain could pass for the name of a Service.
        service, _, ordinal = name.rpartition("-")
        return service in self.services and ordinal.isdecimal()

    def _is_service(self, name: str) -> bool:
        service, _, rest = name.partition(".")
        if service not in self.services:
            return False
        own = (self.namespace, f"{self.namespace}.svc")
        return rest in ("", *own, *(f"{own[1]}.{domain}" for domain in self.domains))


def cluster_domains(namespace: str, resolver: Path = RESOLVER) -> tuple[str, ...]:
    """Return the domains that this pod looks Services of its namespace up in."""
    try:
        lines = resolver.read_text().lower().splitlines()
    except (OSError, UnicodeDecodeError):
        return (DEFAULT_DOMAIN,)
    searched = [name for line in lines if line.startswith("search") for name in line.split()[1:]]
    found = (name.rstrip(".").partition(f"{namespace}.svc.") for name in searched)
    domains = [domain for before, sign, domain in found if sign and domain and not before]
    return tuple(dict.fromkeys([*domains, DEFAULT_DOMAIN]))


def _without_port(host: str) -> str:
    if host.startswith("["):
        address, end, _ = host[1:].partition("]")
        return address if end else host
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _is_fixed(name: str) -> bool:
    """Return whether *name* cannot be pointed elsewhere: it is looked up in no DNS."""
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
