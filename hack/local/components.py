"""Build the command line and the configuration of every component; no process is started here."""

import sys
from pathlib import Path

from hack.local.certificates import SERVER
from hack.local.containers import containerd_configuration
from hack.local.kubelet import kubelet
from hack.local.processes import Program, build_flags, write_configuration
from hack.local.settings import (
    API_PORT,
    AUDIT_POLICY,
    DNS_PORT,
    NODE,
    NODE_ADDRESS,
    REPOSITORY,
    SERVICE_RANGE,
    SOURCES,
    TEST_DNS_ADDRESS,
    Settings,
)

_ETCD_PORT, _ETCD_PEER_PORT = 23790, 23800
#: What each component listens on, to see beforehand whether it is free.
PORTS = {
    "etcd": (_ETCD_PORT, _ETCD_PEER_PORT),
    "kube-apiserver": (API_PORT,),
    "kube-controller-manager": (10257,),
    "kube-scheduler": (10259,),
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


def etcd(settings: Settings) -> Program:
    """
    Return the store.

    It does not sync to disk: it survives a kill, not a power cut, and writes far faster.
    """
    pki = settings.certificates
    url, peer_url = f"https://127.0.0.1:{_ETCD_PORT}", f"http://127.0.0.1:{_ETCD_PEER_PORT}"
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
    }
    return Program("etcd", (settings.binary("server", "etcd"), *build_flags(flags)))


def apiserver(settings: Settings) -> Program:
    """Return the API server, with its record of the operator's requests."""
    pki = settings.certificates
    # A copy, so that the cluster doesn't depend on where this checkout lies.
    policy = write_configuration(settings, "audit-policy.yaml", AUDIT_POLICY.read_text())
    settings.audit_log.parent.mkdir(exist_ok=True)
    flags = {
        "etcd-servers": f"https://127.0.0.1:{_ETCD_PORT}",
        "etcd-cafile": pki / "ca.crt",
        "etcd-certfile": pki / "etcd-client.crt",
        "etcd-keyfile": pki / "etcd-client.key",
        "bind-address": "0.0.0.0",  # noqa: S104 - network.py keeps others than us from it
        "secure-port": API_PORT,
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


def controller_manager(settings: Settings) -> Program:
    """Return the controllers, fast enough not to be what a scale test measures."""
    pki = settings.certificates
    kubeconfig = settings.client("controller-manager")
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
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
    }
    return Program(
        "kube-controller-manager", (settings.binary("kube-controller-manager"), *build_flags(flags))
    )


def scheduler(settings: Settings) -> Program:
    """Return the scheduler."""
    kubeconfig = settings.client("scheduler")
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "kube-api-qps": 200,
        "kube-api-burst": 400,
        **_gate_flags(settings),
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
        *(SERVER, str(settings.certificates), str(settings.state / "volumes")),
    )
    return Program("volumes", argv, inputs=(source,), cwd=str(REPOSITORY))
