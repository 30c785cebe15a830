"""
The one operator that is tested: in the cluster, or as a process of the tests.

Both use the same leader Lease and the same rights, so only one of them can be at work. Which
is needed differs from test to test; the change takes seconds, so it is done on demand.
"""

import time

from hack.kubectl import kubectl
from tests.support.process import DEPLOYMENT, NAMESPACE, OperatorProcess

PODS = "app.kubernetes.io/name=mcpworkload"
LOG_LINES = 40


class OperatorUnderTest:
    """Keeps exactly one of two operators at work."""

    def __init__(self, process: OperatorProcess) -> None:
        self.process = process
        self._is_in_cluster: bool | None = None

    def take_out(self) -> OperatorProcess:
        """Have the process at work, and nothing in the cluster."""
        if self._is_in_cluster is not False:
            self._is_in_cluster = False
            kubectl("scale", DEPLOYMENT, "--namespace", NAMESPACE, "--replicas=0")
            kubectl("wait", "pods", "-n", NAMESPACE, f"-l{PODS}", "--for=delete", "--timeout=60s")
        if not self.process.is_running:
            self.process.start_leading()
        return self.process

    def put_in(self) -> None:
        """Have the Deployment in the cluster at work, and no process."""
        if self._is_in_cluster:
            return
        self.process.stop()
        kubectl("scale", DEPLOYMENT, "--namespace", NAMESPACE, "--replicas=1")
        kubectl("rollout", "status", DEPLOYMENT, "--namespace", NAMESPACE, "--timeout=90s")
        self._is_in_cluster = True

    def log(self) -> str:
        """The last log lines of the operator that is at work."""
        if self._is_in_cluster is not False:
            return kubectl("logs", DEPLOYMENT, "--namespace", NAMESPACE, f"--tail={LOG_LINES}")
        return "\n".join(self.process.words().splitlines()[-LOG_LINES:])


def restart_in_cluster() -> float:
    """Roll the operator's Deployment out anew; how long it took until it was ready."""
    begin = time.monotonic()
    kubectl("rollout", "restart", DEPLOYMENT, "--namespace", NAMESPACE)
    kubectl("rollout", "status", DEPLOYMENT, "--namespace", NAMESPACE, "--timeout=90s")
    return time.monotonic() - begin
