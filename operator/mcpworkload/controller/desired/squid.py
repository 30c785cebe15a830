"""
Build the configuration of an egress proxy (squid 5) out of parsed rules. Pure.

Only what `api/hosts.py` has parsed is rendered, and each name is checked once more: no text of a
profile becomes text of the file.
"""

import re
from collections.abc import Iterable

from mcpworkload.api import names
from mcpworkload.api.hosts import Host, HostName, Network, OutboundRules
from mcpworkload.controller.desired.addresses import (
    LINK_LOCAL,
    PRIVATE_NETWORKS,
    merge,
    subtract,
)

_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_][a-z0-9_-]*(\.[a-z0-9_][a-z0-9_-]*)*")

# What does not depend on the rules. The log has denials only: what a server may do is its own
# affair, and a line for each request would cost more than the request.
_HEAD = f"""\
http_port {names.EGRESS_PORT}
visible_hostname mcpworkload-egress

# One process that keeps nothing, neither on disk nor in memory.
pid_filename none
coredump_dir none
cache deny all
cache_mem 0 MB
memory_pools off
digest_generation off
pinger_enable off
icp_port 0
max_filedescriptors 4096
shutdown_lifetime 1 seconds

# Servers learn nothing of the pod behind the proxy.
via off
forwarded_for delete
httpd_suppress_version_string on
error_directory /usr/share/squid/errors/templates
global_internal_static off
cachemgr_passwd disable all

# Names are taken as they are written. An answer is kept as long as it says, but never less than
# the lower bound: the rules have to judge the addresses that are then dialled.
dns_defnames off
dns_timeout 10 seconds
positive_dns_ttl 5 minutes
negative_dns_ttl 10 seconds
connect_timeout 15 seconds
read_timeout 1 hour

cache_log /dev/stderr
# Faults alone, so that what is left to read are denials.
debug_options ALL,0
logfile_rotate 0
logformat denial {{"time":"%{{%Y-%m-%dT%H:%M:%SZ}}tg","client":"%>a","method":"%#rm",\
"host":"%#>rd","port":"%#>rP","status":"%>Hs","why":"%#{{why}}note"}}
# Not of connections without a request, such as those of probes.
acl asked has request
acl denied note why
access_log stdio:/dev/stdout logformat=denial asked denied
"""

# The rules' order gives each denial its reason. No name is looked up unless it is listed.
_WEB = """\
acl tunnel method CONNECT
acl web proto HTTP
"""


def build_squid_conf(rules: OutboundRules) -> str:
    """
    Return the text of squid.conf that lets through what *rules* allow and nothing else.

    Raises:
        ValueError: no proxy can enforce *rules* (they allow all or nothing), or a name or a port
            in them is none.
    """
    if not rules.needs_proxy:
        raise ValueError("these rules need no proxy: they allow everything or nothing")
    reasons = ["scheme", "link-local", "unresolved", "private"]
    lines = [*_WEB.splitlines()]
    if rules.ports:
        reasons.append("port")
        lines += [f"acl ports port {_port(port)}" for port in sorted(set(rules.ports))]
    if rules.hosts:
        reasons.append("host")
        lines += _listed(rules.hosts)
    private = _addresses(rules.private)
    lines += _names("private_names", rules.private)
    lines += _networks("link_local dst", LINK_LOCAL)
    # What is allowed is taken out, so that every address of an answer is judged.
    lines += _networks("private dst", subtract(PRIVATE_NETWORKS, subtract(private, LINK_LOCAL)))
    lines.append("acl resolved dst all")
    for reason in sorted(reasons):
        lines.append(f"acl why_{reason} annotate_transaction why={reason}")
        lines.append(f"deny_info {_page(reason)} why_{reason}")
    return "\n".join([_HEAD, *lines, "", *_access(rules), ""])


def _access(rules: OutboundRules) -> list[str]:
    """Return the lines that judge a request, in their order."""
    lines = ["deny manager why_scheme", "deny !tunnel !web why_scheme"]
    if rules.ports:
        lines.append("deny !ports why_port")
    if rules.hosts:
        lines.append("deny !listed why_host")
    lines.append("deny link_local why_link-local")
    if _addresses(rules.hosts):
        lines.append("allow addresses")
    lines.append("deny !resolved why_unresolved")
    if _host_names(rules.private):
        lines.append("allow private_names")
    lines += ["deny private why_private", f"allow {'listed' if rules.hosts else 'ports'}"]
    return [f"http_access {line}" for line in (*lines, "deny all")]


def _listed(hosts: Iterable[Host]) -> list[str]:
    """Return the lines that define `listed`: the names, and addresses given as addresses."""
    hosts = tuple(hosts)
    # -n: an address is never looked up to find a name, nor a name to find an address.
    lines = _names("names", hosts) + _networks("addresses dst -n", _addresses(hosts))
    parts = [
        name
        for name, found in (("names", _host_names(hosts)), ("addresses", _addresses(hosts)))
        if found
    ]
    return [*lines, f"acl listed any-of {' '.join(parts)}"]


def _names(acl: str, hosts: Iterable[Host]) -> list[str]:
    """Return the lines that define *acl* as the names among *hosts*."""
    return [f"acl {acl} dstdomain -n {_domain(host)}" for host in _host_names(hosts)]


def _networks(acl: str, networks: Iterable[Network]) -> list[str]:
    """Return the lines that define *acl* as *networks*, one on each: squid bounds lines."""
    # Squid takes 0.0.0.0/0 for all addresses, IPv6 too, so it gets the halves.
    halves = [
        half
        for network in networks
        for half in (network.subnets() if network.prefixlen == 0 else (network,))
    ]
    return [f"acl {acl} {network}" for network in halves]


def _addresses(hosts: Iterable[Host]) -> tuple[Network, ...]:
    """Return the networks among *hosts*, merged."""
    return merge(host for host in hosts if not isinstance(host, HostName))


def _host_names(hosts: Iterable[Host]) -> list[HostName]:
    """Return the names among *hosts*, without those that another covers: squid refuses overlaps."""
    found = {host for host in hosts if isinstance(host, HostName)}
    suffixes = {host.name for host in found if host.has_subdomains}
    kept = [
        host
        for host in found
        if not any(above in suffixes for above in _above(host.name))
        and (host.has_subdomains or host.name not in suffixes)
    ]
    return sorted(kept, key=lambda host: host.name)


def _above(name: str) -> Iterable[str]:
    """Yield the domains above *name*."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _domain(host: HostName) -> str:
    """Return *host* as squid writes it."""
    if not _NAME.fullmatch(host.name):
        raise ValueError(f"{host.name!r} is no host name")
    return str(host)


def _port(port: int) -> int:
    """Return *port* if it is one."""
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is no port")
    return port


def _page(reason: str) -> str:
    """Return the name of the page that clients get, a file of the proxy's image."""
    return f"MCPW_{reason.upper().replace('-', '_')}"
