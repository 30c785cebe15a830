"""Start and stop a local cluster, component by component."""

import fcntl
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from hack.cluster.protocol import Options
from hack.local import (
    binaries,
    cgroups,
    components,
    containers,
    health,
    host,
    leftovers,
    network,
)
from hack.local.certificates import make_certificates
from hack.local.objects import build_objects
from hack.local.processes import Processes, Program, marked, stop_all
from hack.local.settings import NODE_ADDRESS, Settings, cache_folder, state_folder
from hack.terminal import ToolError, run, say, spoken_duration, step

_START_TIMEOUT = 90.0
_CLEAN_UP_PATIENCE = 2.0


class LocalCluster:
    """The one-node cluster on this machine."""

    name = "local"
    # A process of the node.
    dns_servers: tuple[str, ...] = (NODE_ADDRESS,)

    def __init__(self) -> None:
        self._state = state_folder()
        self._processes = Processes(self._state)

    def up(self, options: Options) -> None:
        """Start what does not run yet, or runs with other settings. The rest stays as it is."""
        host.require_root()
        begin = time.monotonic()
        with _lock():
            self._refuse_other_version(options)
            if not self._alive():
                host.require_host()
            tool_sets = binaries.cluster_tool_sets(options.version)
            built = {tool_set.name: binaries.build(tool_set) for tool_set in tool_sets}
            settings = Settings(options, self._state, built)
            started = self._start(settings)
        verb = "is up" if started else "already runs"
        say(
            f"Kubernetes {options.version} {verb} ({spoken_duration(time.monotonic() - begin)}); "
            f"export KUBECONFIG={settings.kubeconfig}"
        )

    def down(self) -> None:
        """Stop everything and undo all changes to this machine, except the cache."""
        host.require_root()
        with _lock():
            if not self._is_there():
                say("no local cluster is up")
                return
            with step("removing the local cluster"):
                # All at once, so that no component restarts what another has lost.
                stop_all(marked(self._state), patience=0.0)
                leftovers.remove_pods(self._settings())
                network.remove_network(self._state)
                leftovers.remove_shared_folders()
                shutil.rmtree(self._state, ignore_errors=True)

    def status(self) -> str:
        """Return one line for each component, then the cluster's own status."""
        settings = self._running()
        lines = [f"Kubernetes {settings.options.version} on this machine"]
        for name in components.NAMES:
            pid = self._processes.pid(name)
            lines.append(f"  {name:24} " + (f"runs, pid {pid}" if pid else "IS DOWN"))
        backoff = settings.options.restart_backoff or "Kubernetes' default"
        facts = {
            "API server ready": "yes" if health.api_is_ready(settings) else "NO",
            "node ready": "yes" if health.node_is_ready(settings) else "NO",
            "NetworkPolicies enforced": "yes" if health.policies_are_enforced() else "not yet",
            "longest restart back-off": backoff,
            "feature gates": settings.options.feature_gates or "Kubernetes' defaults",
            "kubeconfig": str(settings.kubeconfig),
        }
        lines += [f"  {name:24} {fact}" for name, fact in facts.items()]
        return "\n".join(lines)

    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self._running().kubeconfig

    def load(self, image: str, archive: Path) -> None:
        """Import the archive into our containerd."""
        settings = self._running()
        with step(f"loading {image}"):
            containers.load_image(settings, image, archive)

    def audit_log(self) -> Path:
        """Return the log that the API server writes on this machine."""
        return self._running().audit_log

    def pid(self, component: str) -> int:
        """
        Return the pid of a component, for tests that stop one.

        Raises:
            ToolError: the component does not run.
        """
        pid = self._processes.pid(component)
        if pid is None:
            raise ToolError(f"{component} doesn't run: run `make up`")
        return pid

    def leftovers(self) -> list[str]:
        """Name everything of ours that is on this machine, whether the cluster runs or not."""
        found = [f"folder {self._state}"] if self._state.exists() else []
        return found + leftovers.find_pods(self._settings()) + network.find_network(self._state)

    def _is_there(self) -> bool:
        """
        Return whether this machine has a cluster of ours, or leftovers of one.

        Stricter than `leftovers`: chains called KUBE-* may be those of another Kubernetes.
        """
        return (
            self._state.exists()
            or bool(leftovers.find_pods(self._settings()))
            or network.bridge_exists()
        )

    def _start(self, settings: Settings) -> bool:
        """Start what must be started; return whether anything was."""
        make_certificates(settings)
        programs = components.all_programs(settings)
        waiting = [p for p in programs if not self._processes.runs_as_asked(p)]
        self._remember(settings.options)
        if not waiting:
            self._wait_for_node(settings)
            return False
        # Either of the two alone finds the pods again that the other one has kept.
        if not self._processes.pid("containerd") and not self._processes.pid("kubelet"):
            self._clean_up(settings)
            waiting = programs
        host.require_ports(
            port
            for program in waiting
            for port in components.PORTS.get(program.name, ())
            if self._processes.pid(program.name) is None
        )
        network.make_network(settings)
        cgroups.make_cgroup(settings.cgroup)
        self._start_control_plane(settings, waiting)
        self._start_node(settings, waiting)
        return True

    def _start_control_plane(self, settings: Settings, waiting: list[Program]) -> None:
        first = self._ensure(waiting, "etcd", "containerd")
        if "etcd" in first:
            with step("starting etcd"):
                self._wait("etcd", lambda: health.listens(components.PORTS["etcd"][0]))
        server = self._ensure(waiting, "kube-apiserver")
        if "containerd" in first:
            with step("starting containerd"):
                self._wait("containerd", lambda: containers.containerd_answers(settings))
                containers.load_pause_image(settings)
        if server:
            with step("starting the API server"):
                self._wait("kube-apiserver", lambda: health.api_is_ready(settings))
        # Whatever starts: the objects say on which port DNS listens.
        objects = {"apiVersion": "v1", "kind": "List", "items": build_objects()}
        health.kubectl(settings, "apply", "-f", "-", stdin=json.dumps(objects))

    def _start_node(self, settings: Settings, waiting: list[Program]) -> None:
        names = self._ensure(
            waiting, *(program.name for program in waiting if program.name != "network-policy")
        )
        if "kube-proxy" in names:
            # Both want to be first in FORWARD, and the policies must be: the later one is.
            self._wait("kube-proxy", health.proxy_is_ready)
        names += self._ensure(waiting, "network-policy")
        with step(f"starting {', '.join(names)}" if names else "checking the node"):
            self._wait_for_node(settings)

    def _wait_for_node(self, settings: Settings) -> None:
        """Return once pods can run and find one another by name."""
        self._wait("kube-apiserver", lambda: health.api_is_ready(settings))
        self._wait("kubelet", lambda: health.node_is_ready(settings))
        self._wait("coredns", health.names_resolve)

    def _ensure(self, waiting: list[Program], *names: str) -> list[str]:
        """Start those of *names* that wait, and return the ones that were started."""
        chosen = [program for program in waiting if program.name in names]
        return [program.name for program in chosen if self._processes.ensure(program)]

    def _wait(self, name: str, healthy: health.Probe) -> None:
        self._processes.wait_until(name, healthy, _START_TIMEOUT)

    def _clean_up(self, settings: Settings) -> None:
        """
        Remove the leftovers of a killed cluster: its pods, and processes that still run.

        The API's objects and the images stay; the kubelet starts the pods again.
        """
        if not leftovers.find_pods(settings):
            return
        with step("cleaning up after a cluster that was killed"):
            stop_all(marked(self._state), patience=_CLEAN_UP_PATIENCE)
            leftovers.remove_pods(settings)
            network.remove_pod_links(self._state)

    def _alive(self) -> bool:
        return all(self._processes.pid(name) for name in components.NAMES)

    def _remember(self, options: Options) -> None:
        (self._state / "choice.json").write_text(json.dumps(asdict(options)))

    def _recall(self) -> Options | None:
        try:
            return Options(**json.loads((self._state / "choice.json").read_text()))
        except FileNotFoundError:
            return None

    def _refuse_other_version(self, options: Options) -> None:
        existing = self._recall()
        if existing is not None and existing.version != options.version:
            raise ToolError(
                f"a local cluster with Kubernetes {existing.version} is there: run `make down` "
                f"before `make up` with {options.version}"
            )
        if options.version.startswith("1.36.") and _containerd_version() < 2:
            raise ToolError(
                f"Kubernetes {options.version} needs containerd 2, and this machine has an older "
                "one: choose another KUBERNETES_VERSION"
            )

    def _settings(self) -> Settings:
        """Return the settings of the last `up`; its binaries may never have been built."""
        options = self._recall() or Options()
        tool_sets = binaries.cluster_tool_sets(options.version)
        built = {tool_set.name: binaries.cached(tool_set) for tool_set in tool_sets}
        return Settings(options, self._state, built)

    def _running(self) -> Settings:
        if self._recall() is None or self._processes.pid("kube-apiserver") is None:
            raise ToolError("no local cluster is up: run `make up`")
        return self._settings()


def _containerd_version() -> int:
    """Return the major version of containerd; 0 where it is not installed."""
    if shutil.which("containerd") is None:
        return 0
    version = run(["containerd", "--version"]).split()[2]
    return int(version.removeprefix("v").split(".")[0])


@contextmanager
def _lock() -> Iterator[None]:
    """Hold the lock that makes a second `up` or `down` wait."""
    path = cache_folder() / "local.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another command on the local cluster to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
