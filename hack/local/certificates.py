"""
Make the cluster's certificate authority, and every certificate and kubeconfig signed by it.

Written once per cluster: components keep trusting one another when it comes up again.
"""

import base64
import json
import os
import tempfile
from pathlib import Path

from hack.local.settings import (
    API_SERVICE_ADDRESS,
    CONTEXT,
    NODE,
    NODE_ADDRESS,
    Settings,
)
from hack.terminal import run

_DAYS = "3650"
#: The system's own file would add extensions of an authority to every certificate.
_OPENSSL_CONFIG = "[req]\ndistinguished_name = subject\n[subject]\n"
_ADMINISTRATORS = "system:masters"
#: Client certificates: name -> (user, group). Kubernetes' own components have roles from the
#: start; ours act for the machine's administrator, and no pod can read their keys.
_CLIENTS = {
    "admin": ("mcpworkload-admin", _ADMINISTRATORS),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
    "node": (f"system:node:{NODE}", "system:nodes"),
    "kubelet-client": ("kube-apiserver", _ADMINISTRATORS),
    "etcd-client": ("kube-apiserver", ""),
    "dns": ("mcpworkload-local:dns", _ADMINISTRATORS),
    "policies": ("mcpworkload-local:policies", _ADMINISTRATORS),
    "volumes": ("mcpworkload-local:volumes", _ADMINISTRATORS),
}
#: Serving certificates: name -> names and addresses.
_SERVERS = {
    "apiserver": (
        f"DNS:localhost,DNS:{NODE},DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
        "DNS:kubernetes.default.svc.cluster.local,"
        f"IP:127.0.0.1,IP:{NODE_ADDRESS},IP:{API_SERVICE_ADDRESS}"
    ),
    "kubelet": f"DNS:{NODE},IP:{NODE_ADDRESS},IP:127.0.0.1",
    "etcd": "DNS:localhost,IP:127.0.0.1",
}


def make_certificates(settings: Settings) -> None:
    """Write what is missing; existing files are kept."""
    if settings.kubeconfig.exists():
        return
    folder = settings.certificates
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "openssl.cnf").write_text(_OPENSSL_CONFIG)
    _make_authority(folder)
    for name, names in _SERVERS.items():
        _sign(folder, name, f"/CN={name}", f"subjectAltName={names}", "serverAuth")
    for name, (user, group) in _CLIENTS.items():
        subject = f"/O={group}/CN={user}" if group else f"/CN={user}"
        _sign(folder, name, subject, "", "clientAuth")
        _write_private(folder / f"{name}.kubeconfig", _kubeconfig(settings, name))
    # Last: this file stands for all others being there.
    _write_private(settings.kubeconfig, _kubeconfig(settings, "admin"))


def _make_authority(folder: Path) -> None:
    _openssl(
        *(folder, "ca", "/CN=mcpworkload-local", "-x509"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign,digitalSignature"),
    )
    # The key pair of the service accounts' tokens. No certificate: only its bare halves are read.
    private, public = str(folder / "service-accounts.key"), str(folder / "service-accounts.pub")
    curve = "ec_paramgen_curve:P-256"
    run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", private])
    run(["openssl", "pkey", "-in", private, "-pubout", "-out", public])


def _sign(folder: Path, name: str, subject: str, extension: str, usage: str) -> None:
    _openssl(
        folder,
        name,
        subject,
        *("-x509", "-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key")),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-addext", f"extendedKeyUsage={usage}"),
        *(("-addext", extension) if extension else ()),
    )


def _openssl(folder: Path, name: str, subject: str, *arguments: str) -> None:
    curve = "ec_paramgen_curve:P-256"
    run(
        [
            *("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", curve, "-nodes"),
            *("-config", str(folder / "openssl.cnf"), "-subj", subject, "-days", _DAYS),
            *("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")),
            *arguments,
        ]
    )


def _kubeconfig(settings: Settings, client: str) -> str:
    """Return a kubeconfig without references to files; JSON, which YAML readers accept."""

    def embedded(name: str) -> str:
        return base64.b64encode((settings.certificates / name).read_bytes()).decode()

    cluster = {"server": settings.server, "certificate-authority-data": embedded("ca.crt")}
    user = {
        "client-certificate-data": embedded(f"{client}.crt"),
        "client-key-data": embedded(f"{client}.key"),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": client, "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": client}}],
    }
    return json.dumps(content, indent=2)


def _write_private(path: Path, text: str) -> None:
    """Write a file that only root reads, all of it or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(temporary).replace(path)
