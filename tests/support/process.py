"""The operator as a process of the tests: outside of the cluster, but with its own rights."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hack.kubectl import kubectl
from tests.support.cluster import Cluster

NAMESPACE = "mcpworkload-system"
ACCOUNT = "mcpworkload-operator"
DEPLOYMENT = "deployment/mcpworkload-operator"
# What the installed operator is told of the cluster, and a process has to know as well.
_SHARED = ("MCPWORKLOAD_BRIDGE_IMAGE", "MCPWORKLOAD_EGRESS_IMAGE", "MCPWORKLOAD_DNS_SERVERS")
START_SECONDS = 30.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_LEADING = "leading as "


def write_kubeconfig(
    cluster: Cluster, path: Path, namespace: str = NAMESPACE, account: str = ACCOUNT
) -> Path:
    """Write a kubeconfig that holds a token of a ServiceAccount: the operator's real one."""
    token = kubectl("create", "token", account, "--namespace", namespace, "--duration=2h").strip()
    config: dict[str, Any] = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    current = config["current-context"]
    context = next(item for item in config["contexts"] if item["name"] == current)["context"]
    context["user"] = account
    config["users"] = [{"name": account, "user": {"token": token}}]
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


def read_environment() -> dict[str, str]:
    """
    What an operator as a process needs to build the pods that the installed one builds.

    Pods cannot reach it, so that it waives their gate.

    Raises:
        ToolError: there is no operator installed.
    """
    deployment = kubectl("get", DEPLOYMENT, "--namespace", NAMESPACE, "--output=json")
    (container,) = json.loads(deployment)["spec"]["template"]["spec"]["containers"]
    values = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    return {"MCPWORKLOAD_GATE": "waived", **{name: values.get(name, "") for name in _SHARED}}


@dataclass
class OperatorProcess:
    """One operator, which can be started again under the same identity."""

    kubeconfig: Path
    #: Where it writes its log, one run after the other.
    log: Path
    #: The name under which it holds the Lease.
    identity: str
    #: More of its environment.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: The program: the operator's, or one that wraps it.
    module: str = "mcpworkload"
    _process: subprocess.Popen[bytes] | None = None
    #: Where in the log the present run begins.
    _begin: int = 0

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The ID of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; it may wait for the Lease."""
        assert not self.is_running
        environment = {
            # Where the tests find the package, the operator does.
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "KUBECONFIG": str(self.kubeconfig),
            "POD_NAME": self.identity,
            "POD_NAMESPACE": NAMESPACE,
            "MCPWORKLOAD_PROBE_PORT": "0",
            "MCPWORKLOAD_LOG_FORMAT": "text",
            **self.environment,
        }
        with self.log.open("ab") as log:
            self._begin = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=self.log.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start_leading(self) -> None:
        """
        Start it and return when it holds the Lease.

        Raises:
            AssertionError: it ended, or somebody else kept the Lease for too long.
        """
        self.start()
        self.wait_for(_LEADING, START_SECONDS)

    def wait_for(self, words: str, seconds: float = 30.0) -> float:
        """
        Return when this run has said *words*; how long that took.

        Raises:
            AssertionError: it ended, or did not say so in time.
        """
        begin = time.monotonic()
        while words not in self.words():
            assert self.is_running, f"the operator ended:\n{self.words()}"
            in_time = time.monotonic() - begin < seconds
            assert in_time, f"the operator has not said {words!r}:\n{self.words()}"
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - begin

    def is_leading(self) -> bool:
        """Whether this run has come to hold the Lease."""
        return _LEADING in self.words()

    def words(self) -> str:
        """The log of the present run."""
        with self.log.open("rb") as log:
            log.seek(self._begin)
            return log.read().decode(errors="replace")

    def stop(self) -> int:
        """Ask it to end, as the kubelet does, and wait; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power failure would."""
        self._end(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP, and wait for nothing."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait_for_end(self, seconds: float = STOP_SECONDS) -> int:
        """Return the exit code once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(seconds)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
            raise AssertionError(f"the operator did not end:\n{self.words()}") from None
