"""Build the command line and the configuration of every component; no process is started here."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from hack.local.containers import containerd_configuration
from hack.local.kubelet import kubelet
from hack.local.processes import Program, build_flags, write_configuration
from hack.local.settings import (
    DNS_PORT,
    NODE,
    NODE_ADDRESS,
    REPOSITORY,
    SERVICE_RANGE,
    SOURCES,
    TEST_DNS_ADDRESS,
    Listening,
    Settings,
)

_LISTENING = Listening()
#: What each component listens on, to see beforehand whether it is free.
PORTS = {
    "etcd": (_LISTENING.etcd, _LISTENING.etcd_peer),
    "kube-apiserver": (_LISTENING.api,),
    "kube-controller-manager": (_LISTENING.controller_manager,),
    "kube-scheduler": (_LISTENING.scheduler,),
    "kubelet": (10250, 10248),
    "kube-proxy": (10249, 10256),
    "coredns": (DNS_PORT,),
}


#: Started in this order.
NAMES = (
    *("etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("kubelet", "kube-proxy", "coredns", "network-policy", "volumes"),
)


def all_programs(settings: Settings) -> list[Program]:
    """Return every component, in the order of NAMES, with its configuration written."""
    return [
        *(etcd(settings), containerd(settings), apiserver(settings)),
        *(controller_manager(settings), scheduler(settings), kubelet(settings), proxy(settings)),
        *(dns(settings), network_policy(settings), volumes(settings)),
    ]


#: Flags of one component, by their names without dashes.
Flags = Mapping[str, object]
_NONE: Flags = MappingProxyType({})


def etcd(settings: Settings, more: Flags = _NONE) -> Program:
    """
    Return the store; *more* are flags that are added or replaced.

    It does not sync to disk: it survives a kill, not a power cut, and writes far faster.
    """
    pki, ports = settings.certificates, settings.listening
    url, peer_url = f"https://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    flags = {
        "name": NODE,
        "data-dir": settings.state / "etcd",
        "unsafe-no-fsync": "true",
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peer_url,
        "initial-advertise-peer-urls": peer_url,
        "initial-cluster": f"{NODE}={peer_url}",
        "cert-file": pki / "etcd.crt",
        "key-file": pki / "etcd.key",
        "client-cert-auth": "true",
        "trusted-ca-file": pki / "ca.crt",
        "log-level": "warn",
        **more,
    }
    return Program("etcd", (settings.binary("server", "etcd"), *build_flags(flags)))


def apiserver(settings: Settings, more: Flags = _NONE) -> Program:
    """Return the API server, with its record of the operator's requests."""
    pki, ports = settings.certificates, settings.listening
    # A copy, so that the cluster doesn't depend on where this checkout lies.
    policy = write_configuration(settings, "audit-policy.yaml", settings.audit_policy.read_text())
    settings.audit_log.parent.mkdir(exist_ok=True)
    flags = {
        "etcd-servers": f"https://127.0.0.1:{ports.etcd}",
        "etcd-cafile": pki / "ca.crt",
        "etcd-certfile": pki / "etcd-client.crt",
        "etcd-keyfile": pki / "etcd-client.key",
        "bind-address": ports.host,
        "secure-port": ports.api,
        "advertise-address": NODE_ADDRESS,
        "service-cluster-ip-range": SERVICE_RANGE,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        **_kubelet_flags(pki),
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki / "service-accounts.pub",
        "service-account-signing-key-file": pki / "service-accounts.key",
        **_audit_flags(settings, policy),
        **_gate_flags(settings),
        # 100 workloads created at once are no attack.
        "max-requests-inflight": 800,
        "max-mutating-requests-inflight": 400,
        **more,
    }
    return Program(
        "kube-apiserver",
        (settings.binary("kube-apiserver"), *build_flags(flags)),
        inputs=(policy,),
    )


def _kubelet_flags(pki: Path) -> dict[str, object]:
    return {
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "kubelet-client.crt",
        "kubelet-client-key": pki / "kubelet-client.key",
        # Else logs, attach and exec look the node's name up in DNS.
        "kubelet-preferred-address-types": "InternalIP",
    }


def _audit_flags(settings: Settings, policy: Path) -> dict[str, object]:
    """Return the flags that record the operator's requests, all in one file for its readers."""
    return {
        "audit-policy-file": policy,
        "audit-log-path": settings.audit_log,
        "audit-log-maxsize": 200,
        "audit-log-maxbackup": 2,
    }


def _gate_flags(settings: Settings) -> dict[str, object]:
    """Return the feature gates, which all of Kubernetes' programs know; kube-proxy needs none."""
    gates = settings.options.feature_gates
    return {"feature-gates": gates} if gates else {}


def controller_manager(settings: Settings, more: Flags = _NONE) -> Program:
    """Return the controllers, fast enough not to be what a scale test measures."""
    pki = settings.certificates
    kubeconfig = settings.client("controller-manager")
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "secure-port": settings.listening.controller_manager,
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": pki / "service-accounts.key",
        "root-ca-file": pki / "ca.crt",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "flex-volume-plugin-dir": settings.state / "kubelet" / "volume-plugins",
        "kube-api-qps": 200,
        "kube-api-burst": 400,
        "concurrent-statefulset-syncs": 20,
        **_gate_flags(settings),
        **more,
    }
    return Program(
        "kube-controller-manager", (settings.binary("kube-controller-manager"), *build_flags(flags))
    )


def scheduler(settings: Settings, more: Flags = _NONE) -> Program:
    """Return the scheduler."""
    kubeconfig = settings.client("scheduler")
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "secure-port": settings.listening.scheduler,
        "leader-elect": "false",
        "kube-api-qps": 200,
        "kube-api-burst": 400,
        **_gate_flags(settings),
        **more,
    }
    return Program("kube-scheduler", (settings.binary("kube-scheduler"), *build_flags(flags)))


def containerd(settings: Settings) -> Program:
    """Return the container runtime, apart from any other on this machine."""
    path = write_configuration(settings, "containerd.toml", containerd_configuration(settings))
    return Program("containerd", ("containerd", "--config", str(path)), inputs=(path,))


def proxy(settings: Settings) -> Program:
    """Return kube-proxy for Services. Node ports listen on the bridge only."""
    flags = {
        "kubeconfig": settings.client("proxy"),
        "hostname-override": NODE,
        "proxy-mode": "iptables",
        "cluster-cidr": f"{NODE_ADDRESS.rpartition('.')[0]}.0/24",
        "nodeport-addresses": f"{NODE_ADDRESS}/32",
        "iptables-localhost-nodeports": "false",
        "healthz-bind-address": "127.0.0.1:10256",
        "metrics-bind-address": "127.0.0.1:10249",
        # This machine's connection tracking is not ours to tune.
        "conntrack-max-per-core": 0,
        "conntrack-tcp-timeout-established": "0s",
        "conntrack-tcp-timeout-close-wait": "0s",
    }
    return Program("kube-proxy", (settings.binary("kube-proxy"), *build_flags(flags)))


def dns(settings: Settings) -> Program:
    """
    Return the DNS server of the cluster's names.

    It asks a test's own server for names in `test`, and refuses all others at once.
    """
    # Two blocks: in one, the plugin that refuses would run before the one that knows the name.
    corefile = f"""\
cluster.local:{DNS_PORT} in-addr.arpa:{DNS_PORT} {{
    bind {NODE_ADDRESS}
    errors
    kubernetes {{
        kubeconfig {settings.client("dns")}
        pods insecure
        ttl 2
    }}
}}
test:{DNS_PORT} {{
    bind {NODE_ADDRESS}
    errors
    forward . {TEST_DNS_ADDRESS} {{
        max_fails 0
    }}
}}
.:{DNS_PORT} {{
    bind {NODE_ADDRESS}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""
    path = write_configuration(settings, "Corefile", corefile)
    argv = (settings.binary("coredns", "coredns"), "-conf", str(path))
    return Program("coredns", argv, inputs=(path,))


def network_policy(settings: Settings) -> Program:
    """Return the engine that enforces NetworkPolicies between pods."""
    argv = (
        settings.binary("network-policy", "network-policy"),
        f"-kubeconfig={settings.client('policies')}",
        f"-node={NODE}",
    )
    return Program("network-policy", argv)


def volumes(settings: Settings) -> Program:
    """Return our provisioner of `local` volumes."""
    source = SOURCES / "volumes.py"
    # Not a virtual environment's link to it: the next command may come from another one.
    python = str(Path(sys.executable).resolve())
    argv = (
        *(python, "-m", "hack.local.volumes"),
        *(settings.server, str(settings.certificates), str(settings.state / "volumes")),
    )
    return Program("volumes", argv, inputs=(source,), cwd=str(REPOSITORY))
