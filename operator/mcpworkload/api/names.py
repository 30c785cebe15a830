"""The names that users, the API server and our own parts must agree on, each spelled once."""

from typing import NamedTuple

GROUP = "mcpworkload.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "MCPWorkload"
PLURAL = "mcpworkloads"
SHORT_NAME = "mcpw"
CATEGORY = "mcp"

# The one label that selects: Services, the StatefulSet and our watches use it.
WORKLOAD_LABEL = f"{GROUP}/workload"
# On every child: a digest of the manifest we applied last, so that a removed field is noticed.
HASH_ANNOTATION = f"{GROUP}/hash"

FIELD_MANAGER = "mcpworkload"
# Names of further children end like this, so names of workloads may not.
SERVICE_SUFFIX = "-svc"
EGRESS_SUFFIX = "-egress"

LEASE_NAME = "mcpworkload-operator"

# On the pod template: when the user last asked for a restart.
RESTARTED_AT_ANNOTATION = f"{GROUP}/restartedAt"
# On the pod template: a digest of the ConfigMaps and Secrets that the pods read.
REFERENCES_ANNOTATION = f"{GROUP}/references"

#: The name of a kind in the operator's table of children.
ChildKind = str


class ChildId(NamedTuple):
    """The kind and the name of a child, which identify it in the workload's namespace."""

    kind: ChildKind
    name: str

    def __str__(self) -> str:
        """Return the kind, then the name, as in a sentence."""
        return f"{self.kind} {self.name}"


# On the Event of an exit: which container it was.
CONTAINER_ID_ANNOTATION = f"{GROUP}/container-id"

# Kubernetes' own: which template a pod of a StatefulSet was made from.
REVISION_LABEL = "controller-revision-hash"

# The primary container, whatever else runs in the pod.
CONTAINER = "mcp"
# The bridge of a stdio server: its container, the volume with its runtime, and that with its token.
BRIDGE = "mcpw-bridge"
BRIDGE_SERVICE_ACCOUNT_SUFFIX = f"-{BRIDGE}"
BRIDGE_TOKEN = "mcpw-bridge-token"  # noqa: S105 - a volume's name
# On the pods of an isolated workload and of its egress proxy: the namespace's policy denies these
# all traffic that another policy does not allow.
ISOLATED_LABEL = f"{GROUP}/isolated"
# On the pods of an egress proxy, in place of the label that makes a pod a server's: whose it is.
EGRESS_LABEL = f"{GROUP}/egress"
# The policy of a namespace that denies, which no workload owns, and the label by which it is ours.
# A workload's name has no dot, so that no child of one is ever called like this.
DENY_POLICY = "isolation.mcpworkload.dev"
DENY_LABEL = f"{GROUP}/isolation"
# The init container that ends once the rules of the network are seen to be enforced.
GATE = "mcpw-gate"
# On the template of an egress proxy: its configuration, which it reads as a file.
SQUID_ANNOTATION = f"{GROUP}/squid.conf"
EGRESS_PORT = 3128
# The volumes of a profile's mounts begin like this, so volumes of users may not.
PROFILE_VOLUME_PREFIX = "mcpw-profile-"
# The volume behind the server's writable scratch directory.
SCRATCH_VOLUME = "tmp"
# The Service port and the container port that the transport uses.
TRANSPORT_PORT = "mcp"


def service_name(name: str) -> str:
    """Return the name of the Service with an address of its own."""
    return f"{name}{SERVICE_SUFFIX}"


def egress_name(name: str) -> str:
    """Return the name of the egress proxy's objects."""
    return f"{name}{EGRESS_SUFFIX}"


def bridge_service_account_name(name: str) -> str:
    """
    Return the name of the ServiceAccount, Role and RoleBinding of a bridge that attaches.

    Users hardly choose its suffix, and no other pod may run as such a ServiceAccount.
    """
    return f"{name}{BRIDGE_SERVICE_ACCOUNT_SUFFIX}"


def selector_labels(name: str) -> dict[str, str]:
    """Return the immutable labels that select a workload's pods."""
    return {WORKLOAD_LABEL: name}


def common_labels(name: str) -> dict[str, str]:
    """Return the labels of every child and pod of a workload, the selector among them."""
    return {
        **selector_labels(name),
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "mcp-server",
        "app.kubernetes.io/managed-by": FIELD_MANAGER,
    }
