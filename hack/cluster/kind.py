"""A cluster in Docker, made by kind."""

import json
import string
import tempfile
from pathlib import Path

from hack.cluster.protocol import Options
from hack.cluster.tools import find_tool
from hack.local.settings import AUDIT_POLICY, REPOSITORY, cache_folder
from hack.terminal import ToolError, run, say, step, succeeds

NAME = "mcpworkload"
#: The node images of kind 0.33.0, which builds its own patch releases of each minor version.
IMAGES = {
    "1.34": "kindest/node:v1.34.11"
    "@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
    "1.35": "kindest/node:v1.35.8"
    "@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
    "1.36": "kindest/node:v1.36.4"
    "@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
}
_NODE = f"{NAME}-control-plane"
_DOCKER_TIMEOUT = 5.0
_CREATE_TIMEOUT = 900.0
_LOAD_TIMEOUT = 600.0
#: Takes our back-off out of the kubelet's configuration, so that another can be appended.
_FORGET_BACKOFF = "/^crashLoopBackOff:/d; /^  maxContainerRestartPeriod:/d"


def docker_answers() -> bool:
    """Return whether a Docker engine runs; many machines have only the client."""
    return succeeds(["docker", "info"], timeout=_DOCKER_TIMEOUT)


def node_image(version: str) -> str:
    """Return the node image of the minor version that *version* belongs to."""
    return IMAGES[version.rpartition(".")[0]]


def build_configuration(audit: Path, options: Options) -> str:
    """Return kind's configuration of the cluster, with paths of this machine."""
    template = string.Template((REPOSITORY / "hack" / "cluster" / "kind.yaml").read_text())
    period = options.restart_backoff
    backoff = {"maxContainerRestartPeriod": period} if period else {}
    return template.substitute(
        policy=AUDIT_POLICY,
        audit=audit,
        gates=json.dumps(options.gates),
        backoff=json.dumps(backoff),
    )


class KindCluster:
    """The cluster `mcpworkload` in this machine's Docker."""

    name = "kind"
    dns_servers: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._folder = cache_folder() / "kind"
        self._kubeconfig = self._folder / "kubeconfig"
        self._backoff = self._folder / "restart-backoff"
        self._gates = self._folder / "feature-gates"

    def up(self, options: Options) -> None:
        """Create the cluster, or give the kubelet of the one that runs another back-off."""
        self._require_docker()
        if self._exists():
            self._refuse_other_version(options)
            self._refuse_other_gates(options)
            self._change_backoff(options)
        else:
            self._create(options)
        say(f"kind cluster {NAME} is up; export KUBECONFIG={self._kubeconfig}")

    def down(self) -> None:
        """Delete the cluster; its images and the kind program stay."""
        self._require_docker()
        if not self._exists():
            say("no kind cluster is up")
            return
        with step(f"deleting kind cluster {NAME}"):
            self._kind("delete", "cluster")
        self._kubeconfig.unlink(missing_ok=True)
        self._backoff.unlink(missing_ok=True)
        self._gates.unlink(missing_ok=True)

    def status(self) -> str:
        """Return the nodes, as kubectl prints them."""
        kubeconfig = self.kubeconfig()
        kubectl = str(find_tool("kubectl"))
        nodes = run([kubectl, f"--kubeconfig={kubeconfig}", "get", "nodes", "-o", "wide"])
        return f"kind cluster {NAME}\n{nodes}  kubeconfig {kubeconfig}"

    def kubeconfig(self) -> Path:
        """Return the kubeconfig that kind wrote for this cluster alone."""
        if not self._kubeconfig.exists():
            raise ToolError("no kind cluster is up: run `make up`")
        return self._kubeconfig

    def load(self, image: str, archive: Path) -> None:
        """Copy the archive into the node."""
        self.kubeconfig()
        with step(f"loading {image}"):
            self._kind("load", "image-archive", str(archive), timeout=_LOAD_TIMEOUT)

    def audit_log(self) -> Path:
        """Return the log in the folder that the node shares with this machine."""
        self.kubeconfig()
        return self._folder / "audit" / "audit.log"

    def _create(self, options: Options) -> None:
        audit = self._folder / "audit"
        audit.mkdir(parents=True, exist_ok=True)
        # A log of an earlier cluster would be counted as this one's.
        (audit / "audit.log").unlink(missing_ok=True)
        with (
            step(f"creating kind cluster {NAME} with Kubernetes {options.version}"),
            tempfile.NamedTemporaryFile("w", suffix=".yaml") as configuration,
        ):
            configuration.write(build_configuration(audit, options))
            configuration.flush()
            self._kind(
                *("create", "cluster", "--config", configuration.name, "--wait", "120s"),
                *("--image", node_image(options.version), "--kubeconfig", str(self._kubeconfig)),
                timeout=_CREATE_TIMEOUT,
            )
        self._backoff.write_text(options.restart_backoff or "")
        self._gates.write_text(options.feature_gates)

    def _change_backoff(self, options: Options) -> None:
        wanted = options.restart_backoff or ""
        known = self._backoff.read_text() if self._backoff.exists() else ""
        if wanted == known:
            return
        path = "/var/lib/kubelet/config.yaml"
        with step("restarting the kubelet with another restart back-off"):
            run(["docker", "exec", _NODE, "sed", "-i", _FORGET_BACKOFF, path])
            if wanted:
                text = f"crashLoopBackOff:\n  maxContainerRestartPeriod: {wanted}\n"
                run(["docker", "exec", "-i", _NODE, "tee", "-a", path], stdin=text)
            run(["docker", "exec", _NODE, "systemctl", "restart", "kubelet"])
        self._backoff.write_text(wanted)

    def _refuse_other_version(self, options: Options) -> None:
        running = run(["docker", "inspect", "-f", "{{.Config.Image}}", _NODE]).strip()
        if running != node_image(options.version):
            raise ToolError(
                f"kind cluster {NAME} runs {running.partition('@')[0]}: run `make down` before "
                f"`make up` with Kubernetes {options.version}"
            )

    def _refuse_other_gates(self, options: Options) -> None:
        known = self._gates.read_text() if self._gates.exists() else ""
        if options.feature_gates != known:
            raise ToolError(
                f"kind cluster {NAME} runs with FEATURE_GATES={known}: run `make down` before "
                f"`make up` with FEATURE_GATES={options.feature_gates}"
            )

    def _exists(self) -> bool:
        return NAME in run([str(find_tool("kind")), "get", "clusters"]).split()

    def _kind(self, *arguments: str, timeout: float = 120.0) -> None:
        run([str(find_tool("kind")), *arguments, "--name", NAME], timeout=timeout)

    def _require_docker(self) -> None:
        if not docker_answers():
            raise ToolError(
                "Docker does not answer: start it, or use CLUSTER=local or CLUSTER=current"
            )
