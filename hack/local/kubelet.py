"""The kubelet's command line and configuration."""

import json

from hack.local.cgroups import uses_cgroup_v1
from hack.local.processes import Program, build_flags, write_configuration
from hack.local.settings import DNS_SERVICE_ADDRESS, NODE, NODE_ADDRESS, Settings

_MAX_PODS = 200
_RUNTIME_TIMEOUT = "2m"


def kubelet(settings: Settings) -> Program:
    """Return the kubelet; its configuration holds what may change while all else runs."""
    configuration = json.dumps(_kubelet_configuration(settings), indent=2)
    path = write_configuration(settings, "kubelet.json", configuration)
    flags = {
        "config": path,
        "kubeconfig": settings.client("node"),
        "hostname-override": NODE,
        "node-ip": NODE_ADDRESS,
        "root-dir": settings.state / "kubelet",
        "cert-dir": settings.state / "kubelet" / "pki",
    }
    return Program("kubelet", (settings.binary("kubelet"), *build_flags(flags)), inputs=(path,))


def _kubelet_configuration(settings: Settings) -> dict[str, object]:
    # The host's resolver is out of a pod's reach; ours answers for the cluster's names alone.
    resolver = write_configuration(settings, "resolv.conf", f"nameserver {DNS_SERVICE_ADDRESS}\n")
    configuration: dict[str, object] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        **_serving(settings),
        "clusterDNS": [DNS_SERVICE_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(resolver),
        "containerRuntimeEndpoint": f"unix://{settings.containerd_socket}",
        "runtimeRequestTimeout": _RUNTIME_TIMEOUT,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{settings.cgroup}",
        "failSwapOn": False,
        "maxPods": _MAX_PODS,
        "podLogsDir": str(settings.state / "pod-logs"),
        "volumePluginDir": str(settings.state / "kubelet" / "volume-plugins"),
        "serializeImagePulls": False,
        # Images come by file and can't be pulled again: never collect them.
        "imageGCHighThresholdPercent": 100,
        "imageMinimumGCAge": "8760h",
        # A full disk is the machine's business; pods that vanish for it would puzzle every test.
        "evictionHard": {"nodefs.available": "1%", "memory.available": "100Mi"},
        "registryPullQPS": 0,
        # 0 is not "no limit" as its documentation has it, but client-go's 5 a second: in a burst of
        # pods the kubelet's Events of failed probes came a minute late.
        "eventRecordQPS": 1000,
        "eventBurst": 2000,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
    }
    if uses_cgroup_v1():
        # The kubelet refuses v1 from 1.35 on without this; on v2 it must not matter.
        configuration["failCgroupV1"] = False
    return configuration | _features(settings)


def _features(settings: Settings) -> dict[str, object]:
    """Return the feature gates, and the restart back-off that needs one of them."""
    configuration: dict[str, object] = {}
    gates = settings.options.gates
    if settings.options.restart_backoff is not None:
        gates["KubeletCrashLoopBackOffMax"] = True
        period = settings.options.restart_backoff
        configuration["crashLoopBackOff"] = {"maxContainerRestartPeriod": period}
    if gates:
        configuration["featureGates"] = gates
    return configuration


def _serving(settings: Settings) -> dict[str, object]:
    """Return the kubelet's own API: its address, and the clients that it accepts."""
    pki = settings.certificates
    return {
        "address": NODE_ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
    }
