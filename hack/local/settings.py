"""The names, addresses, ports and paths of the local cluster, each spelled once."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.protocol import Options

NODE = "mcpworkload-local"
CONTEXT = "mcpworkload-local"
BRIDGE = "mcpw0"
#: The node's own address on the bridge; pods have the rest of the range.
NODE_ADDRESS = "10.244.0.1"
POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_SERVICE_ADDRESS = "10.96.0.10"
#: Where a test may put a DNS server that answers for the zone `test`.
TEST_DNS_ADDRESS = "10.96.0.53"
#: Networks that no pod has by itself: one for documentation, and a link-local one beside that of
#: any real metadata service. A pod that gives itself such an address stands for the outside.
STAND_INS = ("198.51.100.0/24", "169.254.10.0/24")
API_PORT = 6443
#: The port of every cluster's DNS: policies name it, and read it after Services are resolved.
DNS_PORT = 53
#: The policy engine's own chain, into which it sends what is forwarded.
POLICIES = "AZURE-NPM"
PAUSE_IMAGE = "mcpworkload.local/pause:1"
#: Set for every process that we start and inherited by what those start: `down` finds them by it.
MARK = "MCPWORKLOAD_LOCAL_CLUSTER"

SOURCES = Path(__file__).parent
REPOSITORY = SOURCES.parent.parent
AUDIT_POLICY = SOURCES.parent / "cluster" / "audit-policy.yaml"


def cache_folder() -> Path:
    """Return the folder of built programs, which outlives a cluster."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "mcpworkload"


def state_folder() -> Path:
    """Return the folder of everything that the running cluster writes; gone after `down`."""
    return Path(os.environ.get("MCPWORKLOAD_LOCAL_STATE") or "/var/lib/mcpworkload-local")


@dataclass(frozen=True)
class Listening:
    """The address and the ports on which the control plane listens."""

    #: All of the machine's addresses: pods reach the API server; network.py refuses others.
    host: str = "0.0.0.0"  # noqa: S104
    api: int = API_PORT
    etcd: int = 23790
    etcd_peer: int = 23800
    controller_manager: int = 10257
    scheduler: int = 10259


@dataclass(frozen=True)
class Settings:
    """One local cluster: its options, the paths of its files, and where it listens."""

    options: Options
    state: Path
    #: The folder of the Kubernetes binaries and of each further tool set, by its name.
    binaries: dict[str, Path]
    listening: Listening = Listening()
    audit_policy: Path = AUDIT_POLICY

    @property
    def server(self) -> str:
        """The URL of the API server on this machine."""
        return f"https://127.0.0.1:{self.listening.api}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state / "kubeconfig"

    @property
    def certificates(self) -> Path:
        """Keys, certificates and the components' kubeconfigs."""
        return self.state / "pki"

    @property
    def config(self) -> Path:
        """Configuration files of the components."""
        return self.state / "config"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log."""
        return self.state / "audit" / "audit.log"

    @property
    def containerd_socket(self) -> Path:
        """The socket of our containerd, which shares nothing with another one on the machine."""
        return self.state / "run" / "containerd.sock"

    @property
    def cgroup(self) -> str:
        """The cgroup, below each hierarchy's root, that holds all pods and nothing else."""
        digest = hashlib.sha256(str(self.state).encode()).hexdigest()[:8]
        return f"mcpworkload-local-{digest}"

    def client(self, name: str) -> Path:
        """Return the kubeconfig of one component."""
        return self.certificates / f"{name}.kubeconfig"

    def binary(self, name: str, tool_set: str = "kubernetes") -> str:
        """Return the path of one of our binaries."""
        return str(self.binaries[tool_set] / name)
