"""Check whether a component of the local cluster is ready, by the component itself."""

import http.client
import socket
import ssl
import struct
from collections.abc import Callable

from hack.local.settings import DNS_PORT, NODE, NODE_ADDRESS, POLICIES, Settings
from hack.terminal import ToolError, run, succeeds

Probe = Callable[[], bool]

_TIMEOUT = 3.0
_DNS_TIMEOUT = 0.5
_KUBELET_HEALTH_PORT = 10248
#: "kubernetes.default.svc.cluster.local", one query for its address.
_QUESTION = struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + b"".join(
    bytes([len(label)]) + label for label in b"kubernetes.default.svc.cluster.local".split(b".")
)
_QUESTION += b"\0" + struct.pack("!2H", 1, 1)


def listens(port: int) -> bool:
    """Return whether something on this machine accepts connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), _TIMEOUT).close()
    except OSError:
        return False
    return True


def api_is_ready(settings: Settings) -> bool:
    """Return whether the API server has finished starting and can reach its store."""
    tls = ssl.create_default_context(cafile=str(settings.certificates / "ca.crt"))
    port = settings.listening.api
    server = http.client.HTTPSConnection("127.0.0.1", port, timeout=_TIMEOUT, context=tls)
    return _answers_ok(server, "/readyz")


def node_is_ready(settings: Settings) -> bool:
    """Return whether the kubelet works, and has just reported that to the API."""
    kubelet = http.client.HTTPConnection("127.0.0.1", _KUBELET_HEALTH_PORT, timeout=_TIMEOUT)
    if not _answers_ok(kubelet, "/healthz"):
        return False
    path = '{.status.conditions[?(@.type=="Ready")].status}'
    try:
        return kubectl(settings, "get", "node", NODE, "-o", f"jsonpath={path}") == "True"
    except ToolError:
        return False


def proxy_is_ready() -> bool:
    """Return whether kube-proxy has placed its rules; the last one that it makes is checked."""
    try:
        return "KUBE-POSTROUTING" in run(["iptables", "-w", "-t", "nat", "-S", "POSTROUTING"])
    except ToolError:
        return False


def names_resolve() -> bool:
    """Return whether DNS knows the API server's own Service."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        # A lost answer is not worth waiting for: the caller asks again.
        asker.settimeout(_DNS_TIMEOUT)
        try:
            # Connected, so that a port without a listener is an error and not a silence.
            asker.connect((NODE_ADDRESS, DNS_PORT))
            asker.send(_QUESTION)
            header = struct.unpack("!6H", asker.recv(512)[:12])
        except OSError:
            return False
    rcode, answers = int(header[1]) & 0xF, int(header[3])
    return rcode == 0 and answers > 0


def policies_are_enforced() -> bool:
    """Return whether forwarded packets pass the policy engine's chain."""
    rule = ["-m", "conntrack", "--ctstate", "NEW", "-j", POLICIES]
    return succeeds(["iptables", "-w", "-C", "FORWARD", *rule])


def kubectl(settings: Settings, *arguments: str, stdin: str | None = None) -> str:
    """Run our own kubectl as the cluster's administrator; return its output."""
    command = [settings.binary("kubectl"), f"--kubeconfig={settings.kubeconfig}", *arguments]
    return run(command, stdin=stdin)


def _answers_ok(server: http.client.HTTPConnection, path: str) -> bool:
    try:
        server.request("GET", path)
        return server.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        server.close()
