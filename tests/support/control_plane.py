"""
A control plane of one's own: etcd, API server, controllers, scheduler, and fake nodes by kwok.

Everything listens on loopback on free ports and writes below one folder, so that several can run
beside one another and beside the local cluster. Nothing of it needs root.
"""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from hack.cluster.protocol import Options
from hack.local import binaries, health
from hack.local.certificates import make_certificates
from hack.local.processes import Processes, marked, started_at, stop_all
from hack.local.settings import REPOSITORY, Settings
from hack.terminal import step
from tests.support.audit import AuditLog
from tests.support.control_plane_programs import (
    AUDIT_POLICY,
    NAMES,
    Flags,
    build_node,
    build_programs,
    free_ports,
)
from tests.support.process import ACCOUNT, NAMESPACE, OperatorProcess

# Pods of fake nodes answer nobody: neither a verification nor the question of a gate.
OPERATOR_ENVIRONMENT = {
    "MCPWORKLOAD_VERIFICATION": "Off",
    "MCPWORKLOAD_GATE": "waived",
    "MCPWORKLOAD_BRIDGE_IMAGE": "bridge:1",
    "MCPWORKLOAD_EGRESS_IMAGE": "egress:1",
}
_START_SECONDS = 90.0
_CALM_SECONDS = 2.0
_TMPFS = Path("/dev/shm")
_PREFIX = "mcpworkload-control-plane-"
#: In a folder of ours: the process that has made it.
_OWNER = "owner"


class ControlPlane:
    """
    A control plane whose components are child processes; a context manager.

    Components are named as in NAMES. *nodes* is the number of fake nodes, *flags* are added to
    the components' own, *root* is the checkout whose CRD and Roles are applied, and *state* is
    the folder that `start` fills and `stop` removes: by default a new one, in memory where the
    machine has a tmpfs.
    """

    def __init__(
        self,
        *,
        nodes: int = 2,
        flags: Flags | None = None,
        root: Path = REPOSITORY,
        state: Path | None = None,
    ) -> None:
        self._nodes, self._root = nodes, root
        if state is None:
            state = _make_folder()
        tool_sets = (binaries.kubernetes(Options().version), binaries.ETCD, binaries.KWOK)
        built = {tool_set.name: binaries.build(tool_set) for tool_set in tool_sets}
        self.settings = Settings(Options(), state, built, free_ports(), AUDIT_POLICY)
        self._programs = build_programs(self.settings, flags or Flags())
        self._processes = Processes(state)

    def __enter__(self) -> Self:
        """Start it; what a failed start has begun is ended."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it and remove its folder."""
        self.stop()

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self.settings.server

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.settings.kubeconfig

    @property
    def audit(self) -> AuditLog:
        """The audit log from its beginning; accounts of two namespaces are recorded."""
        return AuditLog(self.settings.audit_log)

    def start(self) -> None:
        """
        Start every component and apply nodes, CRD, and the operator's namespace and Roles.

        Raises:
            ToolError: a component ended or is not healthy in time; with the end of its log.
        """
        with step(f"starting a control plane with {self._nodes} fake nodes"):
            make_certificates(self.settings)
            store, server, *others = NAMES
            self.start_component(store)
            self.start_component(server)
            # Before the controllers: the garbage collector looks for new kinds twice a minute.
            self.install()
            self.apply(build_node(number) for number in range(self._nodes))
            for name in others:
                self.start_component(name)
            self._wait("kwok", self._nodes_are_ready)

    def stop(self) -> None:
        """End every process and remove the folder; what was never started is no error."""
        for name in NAMES:
            self._signal_if_alive(name, signal.SIGCONT)
        # The store is last: what still runs would wait for it.
        for name in reversed(NAMES):
            self._processes.stop(name)
        stop_all(marked(self.settings.state))
        shutil.rmtree(self.settings.state, ignore_errors=True)

    def start_component(self, name: str) -> None:
        """Start one component, unless it runs, and return when it is healthy."""
        self._processes.ensure(self._programs[name])
        self.wait_component(name)

    def wait_component(self, name: str) -> None:
        """
        Return when the component is healthy.

        Raises:
            ToolError: it ended or is not healthy in time; with the end of its log.
        """
        self._wait(name, self._health_of(name))

    def kill(self, name: str) -> None:
        """End one component by SIGKILL, at once."""
        self._send(name, signal.SIGKILL)
        self._processes.stop(name)

    def terminate(self, name: str) -> None:
        """Ask one component to end by SIGTERM, and return when it has ended."""
        self._processes.stop(name)

    def pause(self, name: str) -> None:
        """Stop one component by SIGSTOP: its connections stay open, nothing is answered."""
        self._send(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused component go on."""
        self._send(name, signal.SIGCONT)

    def restart(self, name: str) -> None:
        """End one component by SIGTERM, start it again and return when it is healthy."""
        self.terminate(name)
        self.start_component(name)

    def pid(self, name: str) -> int | None:
        """Return the pid of a component that lives, else None."""
        return self._processes.pid(name)

    def log(self, name: str) -> Path:
        """Return the file of a component's output."""
        return self._processes.log(name)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """
        Run kubectl as the administrator; return its output.

        Raises:
            ToolError: kubectl failed; the message is its output.
        """
        return health.kubectl(self.settings, *arguments, stdin=stdin)

    def etcdctl_environment(self) -> dict[str, str]:
        """Return the variables by which a client of etcd v3 reaches and trusts the store."""
        pki = self.settings.certificates
        return {
            "ETCDCTL_ENDPOINTS": f"https://127.0.0.1:{self.settings.listening.etcd}",
            "ETCDCTL_CACERT": str(pki / "ca.crt"),
            "ETCDCTL_CERT": str(pki / "etcd-client.crt"),
            "ETCDCTL_KEY": str(pki / "etcd-client.key"),
        }

    def apply(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Apply manifests as the administrator, by server-side apply."""
        content = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        arguments = ("apply", "--server-side", "--force-conflicts", "-f", "-")
        self.kubectl(*arguments, stdin=json.dumps(content))

    def install(self) -> None:
        """Apply the checkout's CRD, and all of deploy/base but what runs in a cluster."""
        rendered = self.kubectl("kustomize", str(self._root / "deploy" / "base"))
        base = [one for one in yaml.safe_load_all(rendered) if one["kind"] != "Deployment"]
        # A namespace comes before what is in it.
        base.sort(key=lambda one: one["kind"] != "Namespace")
        self.apply([*_read_all(self._root / "crds"), *base])
        self._wait("kube-apiserver", self._serves_workloads)

    def write_kubeconfig(
        self,
        path: Path,
        namespace: str = NAMESPACE,
        account: str = ACCOUNT,
        hours: int = 12,
        server: str = "",
    ) -> Path:
        """
        Write a kubeconfig with a new token of a ServiceAccount: the operator's own by default.

        With *server* the client goes to that URL instead of to the API server, such as to a proxy
        that the test runs; it is verified by the same authority.
        """
        duration = f"--duration={hours}h"
        token = self.kubectl("create", "token", account, "--namespace", namespace, duration)
        config: dict[str, Any] = json.loads(self.kubeconfig.read_text())
        (context,) = config["contexts"]
        context["context"]["user"] = account
        config["users"] = [{"name": account, "user": {"token": token.strip()}}]
        if server:
            config["clusters"][0]["cluster"]["server"] = server
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return path

    def operator(
        self, identity: str = "operator-1", environment: Mapping[str, str] | None = None
    ) -> OperatorProcess:
        """Return an operator that holds the Lease as *identity*; the caller starts and ends it."""
        return OperatorProcess(
            self.write_kubeconfig(self.settings.state / f"{identity}.kubeconfig"),
            self.settings.state / f"{identity}.log",
            identity,
            {**OPERATOR_ENVIRONMENT, **(environment or {})},
        )

    def _health_of(self, name: str) -> Callable[[], bool]:
        listening = self.settings.listening
        if name == "kube-apiserver":
            return lambda: health.api_is_ready(self.settings)
        if name == "kwok":
            begin = time.monotonic()
            # It opens no port; one that cannot work ends at once.
            return lambda: time.monotonic() - begin > _CALM_SECONDS
        port = {
            "etcd": listening.etcd,
            "kube-controller-manager": listening.controller_manager,
            "kube-scheduler": listening.scheduler,
        }[name]
        return lambda: health.listens(port)

    def _serves_workloads(self) -> bool:
        # `kubectl wait` fails on a CRD that has no conditions yet.
        found = json.loads(self.kubectl("get", "crd", "--output=json"))["items"]
        conditions = [one.get("status", {}).get("conditions") or [] for one in found]
        return all(
            any(each["type"] == "Established" and each["status"] == "True" for each in one)
            for one in conditions
        )

    def _nodes_are_ready(self) -> bool:
        condition = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        words = self.kubectl("get", "nodes", "-o", f"jsonpath={condition}").split()
        return words.count("True") == self._nodes

    def _wait(self, name: str, healthy: Callable[[], bool]) -> None:
        self._processes.wait_until(name, healthy, _START_SECONDS)

    def _send(self, name: str, number: signal.Signals) -> None:
        assert self._signal_if_alive(name, number), f"{name} doesn't run"

    def _signal_if_alive(self, name: str, number: signal.Signals) -> bool:
        pid = self._processes.pid(name)
        if pid is not None:
            os.kill(pid, number)
        return pid is not None


def _make_folder() -> Path:
    """Return a new folder, once those are removed whose owner was killed."""
    base = _TMPFS if os.access(_TMPFS, os.W_OK) else Path(tempfile.gettempdir())
    for owner in base.glob(f"{_PREFIX}*/{_OWNER}"):
        pid, begin = map(int, owner.read_text().split())
        if started_at(pid) != begin:
            stop_all(marked(owner.parent), patience=0.0)
            shutil.rmtree(owner.parent, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    # In one step: another process may be looking for folders without an owner.
    draft = folder / f"{_OWNER}.new"
    draft.write_text(f"{os.getpid()} {started_at(os.getpid())}")
    draft.replace(folder / _OWNER)
    return folder


def _read_all(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of a kustomization."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    files = (folder / name for name in kustomization["resources"])
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


def build_account(
    name: str, namespace: str, rules: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return a namespace, a ServiceAccount in it, and a ClusterRole with *rules* bound to it."""
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": namespace},
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": list(rules),
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    ]
