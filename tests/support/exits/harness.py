"""A StatefulSet's pods on a simulated kubelet, and a process that watches them."""

from collections.abc import Callable
from itertools import count

from mcpworkload.exits import Cursor, Exit, NewExits, ObservedExits, Wanted, find_new_exits
from mcpworkload.kube.objects import Pod
from tests.support.exits.kubelet import SimContainer, SimPod

KEY = "team/w"
Step = tuple[str, int, int]


class Reader:
    """A process that watches and accounts; the cursor and what was told outlive it."""

    def __init__(self) -> None:
        self.cursor: Cursor = {}
        self.told: dict[tuple[str, str, int], Exit] = {}
        self.restart()

    def restart(self) -> None:
        """A process begins with nothing."""
        self.cache: dict[str, Pod] = {}
        self.observed = ObservedExits(lambda _: None)
        self.is_watching = False

    def see(self, pod: Pod) -> None:
        """A watch event, or an item of a list."""
        old = self.cache.get(pod.metadata.name)
        if old is not None and old.metadata.uid != pod.metadata.uid:
            self.observed.gone(KEY, old, watched=False)
        self.cache[pod.metadata.name] = pod
        self.observed.seen(KEY, pod)

    def list(self, pods: list[Pod]) -> None:
        """What is not in the list is gone."""
        names = {pod.metadata.name for pod in pods}
        for name in [name for name in self.cache if name not in names]:
            self.observed.gone(KEY, self.cache.pop(name), watched=False)
        for pod in pods:
            self.see(pod)
        self.is_watching = True

    def tell(self, wanted: Wanted) -> NewExits:
        """Find new exits, and report them."""
        result = find_new_exits(self.cursor, self.cache, self.observed.of(KEY), wanted)
        fresh = [(each.pod_uid, each.container, each.index) for each in result.exits]
        assert len(set(fresh)) == len(fresh)
        for key, each in zip(fresh, result.exits, strict=True):
            self.told.setdefault(key, each)
        return result

    def settle(self, result: NewExits) -> None:
        """Forget what is stored."""
        self.observed.settle(KEY, result.cursor, result.gone)


class ExitSimulation:
    """The pods, and one reader of them."""

    def __init__(self, skew: int, shape: int) -> None:
        self.now, self.replicas, self.revision = 0.0, 2, 0
        self.skew, self.shape = skew, shape
        self.pods: dict[str, SimPod] = {}
        self.all: list[SimPod] = []
        self.reader = Reader()
        self._uids = count()
        #: Pods that are gone, and whose last state the living reader watched.
        self.watched: set[str] = set()
        self.done: set[str] = set()
        #: Pods whose kubelet began to count anew, since they were last accounted for.
        self.anew: set[str] = set()

    @property
    def wanted(self) -> Wanted:
        """What the workload asks for."""
        return Wanted(self.replicas, str(self.revision))

    def do(self, step: Step) -> None:
        """Take a step; each takes time."""
        word, which, how = step
        self.now += 1 + how % 3
        pods = [*self.pods.values()]
        if word in POD_STEPS and pods:
            pod = pods[which % len(pods)]
            POD_STEPS[word](self, pod, how)
            if pod.name in self.pods and how % 5:
                self._emit(pod)
            else:  # the kubelet does not get to write it
                pod.is_exact &= pod.uid not in self.anew
        elif word in STEPS:
            STEPS[word](self, how)

    def finish(self) -> None:
        """Look, and account for all."""
        self.look()
        self.account(1)

    def _emit(self, pod: SimPod) -> None:
        if self.reader.is_watching and self.pods.get(pod.name) is pod:
            self.reader.see(pod.render())

    # What happens to one pod

    def go_on(self, pod: SimPod, _: int) -> None:
        """Let the kubelet start what is due."""
        if pod.deleted is None and not pod.has_failed:
            pod.go_on()

    def crash(self, pod: SimPod, how: int) -> None:
        """End a container by itself."""
        running = [each for each in pod.containers if each.phase == "running"]
        if running and not pod.has_failed:
            each = running[how % len(running)]
            is_asked = pod.deleted is not None and not pod.disruption
            each.end((0, 1, 3, 137)[how % 4], self.now + pod.skew, is_asked=is_asked)

    def loop(self, pod: SimPod, how: int) -> None:
        """Several exits that the kubelet reports as one state."""
        pod.is_exact &= pod.uid not in self.anew
        for _ in range(1 + how % 4):
            self.go_on(pod, 0)
            self.crash(pod, how)
            self.go_on(pod, 0)

    def forget(self, pod: SimPod, _: int) -> None:
        """Lose the dead containers of the node, and with them the count of those that wait."""
        self._emit(pod)
        for each in pod.containers:
            if pod.deleted is None and each.policy != "" and each.phase == "back-off":
                each.is_forgotten = True
                self.anew.add(pod.uid)
                pod.is_exact &= self.reader.is_watching
            elif each.phase == "running" and each.policy != "":
                each.dead = []

    def vanish(self, pod: SimPod, _: int) -> None:
        """Lose a running container on its node."""
        for each in pod.containers:
            is_plain = pod.deleted is None and each.policy is None and not pod.has_failed
            if is_plain and each.phase == "running" and not each.dead:
                each.vanish()

    def delete(self, pod: SimPod, _: int) -> None:
        """Ask for a pod's deletion."""
        if pod.has_failed:  # nothing to wait for
            self.kill(pod, 0)
            return
        pod.deleted = self.now if pod.deleted is None else pod.deleted
        pod.is_exact &= not pod.skew

    def stop(self, pod: SimPod, _: int) -> None:
        """The kubelet ends a pod that is being deleted."""
        if pod.deleted is not None:
            pod.end_all(self.now, is_asked=not pod.disruption)

    def kill(self, pod: SimPod, _: int) -> None:
        """`kubectl delete --force`, or the last step of an orderly deletion."""
        for each in pod.containers:
            if pod.disruption and each.phase == "running":
                each.unexpected.append("")
        del self.pods[pod.name]
        if self.reader.is_watching:
            self.reader.observed.gone(KEY, pod.render(), watched=True)
            self.reader.cache.pop(pod.name, None)
            self.watched.add(pod.uid)

    def evict(self, pod: SimPod, how: int) -> None:
        """Evict it, by the API or by the kubelet."""
        if pod.deleted is not None or pod.has_failed:
            return
        if how % 2:
            pod.disruption = "EvictionByEvictionAPI"
            self.delete(pod, how)
        else:
            pod.end_all(self.now, is_asked=False)
            self._emit(pod)
            pod.disruption, pod.has_failed = "TerminationByKubelet", True

    def orphan(self, pod: SimPod, _: int) -> None:
        """The node is gone; the collector of such pods calls them Failed before it removes them."""
        if pod.deleted is None and not pod.has_failed:
            pod.disruption, pod.has_failed = "DeletionByPodGC", True

    # What happens to all, and to the reader

    def fill(self, _: int) -> None:
        """The StatefulSet controller: too many go, old ones go, missing ones come."""
        for pod in [*self.pods.values()]:
            if int(pod.name[2:]) >= self.replicas or pod.revision != str(self.revision):
                self.delete(pod, 0)
                self._emit(pod)
        for ordinal in range(self.replicas):
            if f"w-{ordinal}" not in self.pods:
                self._create(f"w-{ordinal}")

    def _create(self, name: str) -> None:
        shape = [SimContainer("mcp")]
        if self.shape & 1:
            shape.insert(0, SimContainer("sidecar", "Always"))
        if self.shape & 2:
            shape.insert(0, SimContainer("init", ""))
        pod = SimPod(name, f"u{next(self._uids)}", str(self.revision), self.skew, shape)
        self.pods[name] = pod
        self.all.append(pod)
        self._emit(pod)

    def scale(self, how: int) -> None:
        """Ask for another number of pods."""
        self.replicas = how % 3
        self.fill(0)

    def roll(self, _: int) -> None:
        """Ask for another template."""
        self.revision += 1
        self.fill(0)

    def look(self, _: int = 0) -> None:
        """List, then watch."""
        self.reader.list([pod.render() for pod in self.pods.values()])

    def cut(self, _: int) -> None:
        """The watch breaks."""
        self.reader.is_watching = False
        self._doubt()

    def die(self, _: int) -> None:
        """Kill the process; another takes its place."""
        self.reader.restart()
        self.watched.clear()
        self._doubt()

    def _doubt(self) -> None:
        for pod in self.all:
            pod.is_exact &= pod.uid not in self.anew

    def account(self, how: int) -> None:
        """Report, store and settle, or die in between."""
        if not self.reader.cache and not self.reader.is_watching:
            return  # before its first list it knows nothing
        result = self.reader.tell(self.wanted)
        if how % 4 == 0:
            self.die(0)
            return
        self.reader.cursor = result.cursor
        self.done |= result.gone & self.watched
        if self.reader.is_watching:
            pending = [pod for pod in self.all if any(x.is_forgotten for x in pod.containers)]
            self.anew &= {pod.uid for pod in pending}
        if how % 4 == 2:
            self.die(0)
            return
        self.reader.settle(result)
        assert not self.reader.tell(self.wanted).exits


POD_STEPS: dict[str, Callable[[ExitSimulation, SimPod, int], None]] = {
    "go_on": ExitSimulation.go_on,
    "crash": ExitSimulation.crash,
    "loop": ExitSimulation.loop,
    "forget": ExitSimulation.forget,
    "vanish": ExitSimulation.vanish,
    "delete": ExitSimulation.delete,
    "stop": ExitSimulation.stop,
    "kill": ExitSimulation.kill,
    "evict": ExitSimulation.evict,
    "orphan": ExitSimulation.orphan,
}
STEPS: dict[str, Callable[[ExitSimulation, int], None]] = {
    "fill": ExitSimulation.fill,
    "scale": ExitSimulation.scale,
    "roll": ExitSimulation.roll,
    "look": ExitSimulation.look,
    "cut": ExitSimulation.cut,
    "die": ExitSimulation.die,
    "account": ExitSimulation.account,
}
OFTEN = ("go_on", "go_on", "go_on", "crash", "crash", "look", "account", "account", "loop")
