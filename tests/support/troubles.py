"""
Workloads that cannot serve, each by a real cause, and how each cause goes.

`docs/troubleshooting.md` has a section for each, found by its title.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.kinds import Manifest
from tests.support.manifests import EVERYTHING, LISTEN, SMALL, make_object, make_running_workload
from tests.support.namespace import Namespace

# Opens its port, and ends after three seconds.
_SHORT_LIVED = f"""
import signal, sys
signal.signal(signal.SIGALRM, lambda *_: sys.exit(3))
signal.alarm(3)
{LISTEN[-1]}"""
_SLEEP = ["python3", "-I", "-S", "-c", "import signal; signal.sigwait([signal.SIGTERM])"]
_COMPLAINT = "import sys; print('no city given'); sys.exit(3)"
_GLUTTON = "x = []\nwhile True: x.append(bytearray(10**6))"
# Of ConfigMaps the operator knows itself what is missing; of Secrets, as installed, it does not.
_TOKEN = {"secretKeyRef": {"name": "weather-token", "key": "token"}}
_NO_PODS = make_object("ResourceQuota", "few", spec={"hard": {"pods": "0"}})
_NO_CLASS = "no-such-class"


@dataclass(frozen=True)
class Trouble:
    """One cause: what is asked for, what the status says then, and how it is mended."""

    title: str
    #: Of the workload.
    name: str
    reason: str
    #: What the message holds, whatever the versions of the cluster's parts.
    says: tuple[str, ...]
    spec: Mapping[str, Any] = field(default_factory=dict)
    #: What is there before the workload.
    before: tuple[Manifest, ...] = ()
    #: Makes the cause go; by default by a spec without fault.
    cure: Callable[[Namespace], Awaitable[Any]] | None = None
    #: Whether what is there before it would trouble others as well.
    is_alone: bool = False

    @property
    def manifest(self) -> Manifest:
        """The workload."""
        return make_running_workload(self.name, **self.spec)

    async def mend(self, namespace: Namespace) -> None:
        """Make the cause go."""
        if self.cure is None:
            await namespace.apply(make_running_workload(self.name))
        else:
            await self.cure(namespace)


async def _label_node(namespace: Namespace) -> None:
    (node, *_) = await namespace.api.read_all("Node")
    labels = {"metadata": {"labels": {"mcpworkload.dev/disk": "fast"}}}
    await namespace.api.patch("Node", "", node["metadata"]["name"], labels)


async def _make_volume(namespace: Namespace) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Mi"},
        "claimRef": {"namespace": namespace.name, "name": "data-unbound-claim-0"},
        "hostPath": {"path": f"/tmp/{namespace.name}", "type": "DirectoryOrCreate"},
        "storageClassName": _NO_CLASS,
    }
    await namespace.api.create(make_object("PersistentVolume", namespace.name, spec=spec))


async def clean_up(namespace: Namespace) -> None:
    """Undo those cures that outlive the namespace they were for."""
    labels = {"metadata": {"labels": {"mcpworkload.dev/disk": None}}}
    for node in await namespace.api.read_all("Node"):
        await namespace.api.patch("Node", "", node["metadata"]["name"], labels)
    if await namespace.api.get("PersistentVolume", "", namespace.name):
        await namespace.api.delete("PersistentVolume", "", namespace.name)


def _create(kind: str, name: str, **parts: Any) -> Callable[[Namespace], Awaitable[Any]]:
    return lambda namespace: namespace.create(make_object(kind, name, **parts))


_IMAGES = (
    Trouble(
        "An image that does not exist",
        "missing-image",
        "ImagePullFailed",
        ("pod missing-image-0, container mcp: ", "/no-such-image:1"),
        {"image": "localhost/mcpworkload/no-such-image:1"},
    ),
    Trouble(
        "An image name that is none",
        "image-name",
        "ImagePullFailed",
        ("pod image-name-0, container mcp: ", "Weather:Server:1"),
        {"image": "Weather:Server:1"},
    ),
)

_PROGRAMS = (
    Trouble(
        "A command that is not in the image",
        "command-not-found",
        "StartFailed",
        (
            "pod command-not-found-0, container mcp: ",
            "exec: <program>: stat <program>: no such file",
        ),
        {"command": ["/no/such/program"]},
    ),
    Trouble(
        "A program that ends at once, and finds nothing wrong",
        "exits-with-0",
        "CrashLooping",
        ("pod exits-with-0-0, container mcp: exited with code 0",),
        {"command": ["python3", "-c", "pass"]},
    ),
    Trouble(
        "A program that ends at once with an error",
        "exits-with-3",
        "CrashLooping",
        ("pod exits-with-3-0, container mcp: exited with code 3", "no city given"),
        {"command": ["python3", "-c", _COMPLAINT]},
    ),
    Trouble(
        "A server that dies again and again",
        "short-lived",
        "CrashLooping",
        ("pod short-lived-0, container mcp: exited with code 3",),
        {"command": ["python3", "-I", "-S", "-c", _SHORT_LIVED]},
    ),
    Trouble(
        "An init container that does not end",
        "slow-start",
        "Starting",
        ("pod slow-start-0, container wait: the init container has not ended yet",),
        {"initContainers": [{"name": "wait", "image": SMALL, "command": _SLEEP}]},
    ),
    Trouble(
        "A server that needs more memory than its limit",
        "out-of-memory",
        "OOMKilled",
        ("pod out-of-memory-0, container mcp",),
        {"command": ["python3", "-c", _GLUTTON], "resources": {"limits": {"memory": "32Mi"}}},
    ),
    Trouble(
        "A server that never becomes ready",
        "never-ready",
        "ProbeFailing",
        ("pod never-ready-0, container mcp: Readiness probe failed: ", "<address>:9"),
        {"probes": {"readiness": {"httpGet": {"path": "/health", "port": 9}, "periodSeconds": 2}}},
    ),
    Trouble(
        "A server that listens elsewhere",
        "listens-elsewhere",
        "ProbeFailing",
        ("pod listens-elsewhere-0, container mcp: Startup probe failed: ", "<address>:8080"),
        {
            "command": _SLEEP,
            "probes": {"startup": {"periodSeconds": 1, "failureThreshold": 5}},
        },
    ),
    Trouble(
        "A server that listens elsewhere, and ends well when it is told to",
        "other-port",
        "ProbeFailing",
        ("pod other-port-0, container mcp: Startup probe failed: ", "127.0.0.1 only"),
        {
            "image": EVERYTHING,
            "command": None,
            "env": [{"name": "PORT", "value": "3001"}],
            "probes": {"startup": {"periodSeconds": 2, "failureThreshold": 8}},
            "terminationGracePeriodSeconds": 10,
        },
    ),
    Trouble(
        "A server whose liveness probe fails",
        "not-alive",
        "ProbeFailing",
        ("pod not-alive-0, container mcp: Liveness probe failed: ", "<address>:9999"),
        {
            "probes": {
                "liveness": {
                    "tcpSocket": {"port": 9999},
                    "periodSeconds": 2,
                    "failureThreshold": 2,
                },
                # Not ready for a moment: what is seen does not depend on when one looks.
                "readiness": {"initialDelaySeconds": 30},
            },
        },
    ),
)

_NODES = (
    Trouble(
        "Resources that no node has",
        "too-large",
        "Unschedulable",
        ("pod too-large-0: ", "Insufficient memory"),
        {"resources": {"requests": {"memory": "9Ti"}}},
    ),
    Trouble(
        "A node selector that no node matches",
        "node-selector",
        "Unschedulable",
        ("pod node-selector-0: ", "node affinity/selector"),
        {"nodeSelector": {"mcpworkload.dev/disk": "fast"}},
        cure=_label_node,
    ),
)

_REFERENCES = (
    Trouble(
        "A Secret that is missing",
        "missing-secret",
        "ConfigError",
        ('secret "weather-env" not found',),
        {"envFrom": [{"secretRef": {"name": "weather-env"}}]},
        cure=_create("Secret", "weather-env", stringData={"CITY": "Oslo"}),
    ),
    Trouble(
        "A key that is missing in a Secret",
        "missing-key",
        "ConfigError",
        ("couldn't find key token in Secret",),
        {"env": [{"name": "TOKEN", "valueFrom": _TOKEN}]},
        before=(make_object("Secret", "weather-token", stringData={"other": "x"}),),
        cure=lambda namespace: namespace.patch(
            "Secret", "weather-token", {"stringData": {"token": "x"}}
        ),
    ),
    Trouble(
        "A volume that cannot be mounted",
        "no-mount",
        "MountFailed",
        ("pod no-mount-0: ", 'secret "weather-file" not found'),
        {
            "volumes": [{"name": "file", "secret": {"secretName": "weather-file"}}],
            # The kubelet looks only at volumes that a container mounts.
            "volumeMounts": [{"name": "file", "mountPath": "/file"}],
        },
        cure=_create("Secret", "weather-file", stringData={"city": "Oslo"}),
    ),
    Trouble(
        "A claim that does not exist",
        "missing-claim",
        "VolumePending",
        ('persistentvolumeclaim "weather-data" not found',),
        {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "weather-data"}}]},
        cure=_create(
            "PersistentVolumeClaim",
            "weather-data",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Mi"}},
            },
        ),
    ),
    Trouble(
        "A claim that no volume meets",
        "unbound-claim",
        "VolumePending",
        ("pod unbound-claim-0: claim data-unbound-claim-0: ", '"no-such-class" not found'),
        {
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "storageClassName": _NO_CLASS,
                        "resources": {"requests": {"storage": "1Mi"}},
                    },
                }
            ]
        },
        cure=_make_volume,
    ),
)

_REFUSED = (
    Trouble(
        "A quota that is used up",
        "over-quota",
        "PodRefused",
        ("pod over-quota-0: ", "exceeded quota: few"),
        before=(_NO_PODS,),
        cure=lambda namespace: namespace.delete("ResourceQuota", "few"),
        is_alone=True,
    ),
    Trouble(
        "A namespace that refuses the pod",
        "pod-security",
        "PodRefused",
        ("pod pod-security-0: ", 'violates PodSecurity "restricted:latest"'),
        # The installation's own policy would allow it.
        {"podSecurityContext": {"runAsNonRoot": False, "runAsUser": 0}},
    ),
)

TROUBLES = (*_IMAGES, *_PROGRAMS, *_NODES, *_REFERENCES, *_REFUSED)
