"""A cluster in memory for the spine, and a reconciler in it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from mcpworkload.api import names
from mcpworkload.api.names import ChildId
from mcpworkload.controller.answers import Answers
from mcpworkload.controller.children import CHILD_KINDS
from mcpworkload.controller.clock import Clock
from mcpworkload.controller.desired import DEFAULT_POLICY, Child, Policy
from mcpworkload.controller.parse import parse
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.reconcile import Reconciler
from mcpworkload.controller.references import Absence, Found, ObjectId
from mcpworkload.controller.settings import PodSecurity
from mcpworkload.controller.state import WorkloadState
from mcpworkload.controller.status import EventDraft, since
from mcpworkload.controller.store import WorkloadStore
from mcpworkload.exits import Exit, ObservedExits
from mcpworkload.kube.errors import Answer, ApiError, Cause, Conflict, Details, Unavailable
from mcpworkload.kube.objects import Claim, Event, LiveChild, Metadata, NetworkPolicy, Pod
from tests.support.parsed import NOON, make_body, make_claim

KEY = "team/weather"
UNVERIFIED = replace(DEFAULT_POLICY, verification="Off")


def make_field_conflict(message: str) -> Conflict:
    """What an apply without force meets where another manager owns a field."""
    details = Details(causes=(Cause("FieldManagerConflict", ".spec.type"),))
    return Conflict(message, status=409, answer=Answer(message, "Conflict", details))


@dataclass
class FakeCluster:
    """
    What the API server holds and answers, and what was asked of it.

    Children go by kind and name, as in "Service weather".
    """

    observation: Observation = field(default_factory=Observation)
    #: What was applied last, by kind and name.
    applied: dict[str, Child] = field(default_factory=dict)
    existing: dict[str, Metadata] = field(default_factory=dict)
    #: ConfigMaps and Secrets, as in "Secret weather-key".
    sources: dict[str, Found] = field(default_factory=dict)
    #: The claims of the workload's pods, by name.
    claims: dict[str, Claim] = field(default_factory=dict)
    #: Texts of profiles, as in "ConfigMap profiles.key".
    texts: dict[str, str] = field(default_factory=dict)
    #: The policy that denies, and the level of Pod Security, of the one namespace.
    deny: NetworkPolicy | None = None
    level: PodSecurity | None = None
    failures: dict[str, ApiError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    #: Children as they are stored, with which the first updates of them are refused, and what
    #: was written by those that were not; such an update ends the failures of applies.
    whole: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused_updates: dict[str, list[ApiError]] = field(default_factory=dict)
    updates: list[dict[str, Any]] = field(default_factory=list)
    #: How many times somebody writes to a child before we do.
    busy: int = 0
    #: The workloads whose references nobody asks for any more.
    unfollowed: list[str] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    #: The workload with each of them, and how many of the next answers do not arrive.
    stored: list[dict[str, Any]] = field(default_factory=list)
    lost_answers: int = 0
    version: int = 2000
    now: datetime = NOON
    #: The monotonic clock: it stands still until a test moves it.
    seconds: float = 1000.0
    #: By UID of a pod, what its Events say; and whose were asked for.
    events: dict[str, list[Event]] = field(default_factory=dict)
    #: What the servers have answered to verification.
    answers: Answers = field(default_factory=Answers)
    asked: list[str] = field(default_factory=list)
    said: list[EventDraft] = field(default_factory=list)
    #: The exits that were told, and what was seen of containers' ends.
    exits: list[Exit] = field(default_factory=list)
    #: The reasons of those that a stored status reports.
    counted: Counter[str] = field(default_factory=Counter)
    observed: ObservedExits = field(default_factory=lambda: ObservedExits(lambda _: None))
    #: What happens while an apply is under way, and while references are looked up.
    meanwhile: Callable[[], None] = lambda: None
    while_reading: Callable[[], object] = lambda: None

    @property
    def references(self) -> "FakeCluster":
        """What pods read is kept apart from children, but not here."""
        return self

    async def look_up(self, _: str, objects: Iterable[ObjectId]) -> Mapping[ObjectId, Found]:
        """The ConfigMaps and Secrets."""
        self.while_reading()
        return {each: self.sources.get(str(each), Absence.MISSING) for each in objects}

    async def text_of(self, _workload: str, source: ObjectId, key: str) -> str | Absence:
        """The text of a permission profile."""
        return self.texts.get(f"{source}.{key}", Absence.MISSING)

    def release_text(self, _workload: str) -> None:
        """No profile is read any more."""

    def proxy_address(self, workload: str) -> str:
        """The address of the egress proxy, as the caches have it."""
        name = f"{workload.partition('/')[2]}-egress"
        service: Any = self.observation.children.get(ChildId("Service", name))
        return service.address if service is not None else ""

    def deny_policy(self, _namespace: str) -> tuple[NetworkPolicy | None, int]:
        """The policy of the namespace, and the version of the caches."""
        return self.deny, self.version

    def has_isolated(self, _namespace: str) -> bool:
        """Whether an isolated pod is left."""
        pods = self.observation.labelled.values()
        return any(names.ISOLATED_LABEL in pod.metadata.labels for pod in pods)

    async def level_of(self, _namespace: str) -> PodSecurity | None:
        """The level of Pod Security of the namespace."""
        return self.level

    def forget(self, key: str) -> None:
        """The workload is gone."""
        self.unfollowed.append(key)

    def follow(self, *_: object) -> Answers:
        """What the servers have answered."""
        return self.answers

    def drop(self, _: str) -> None:
        """The servers are asked no more."""

    def count_tools_change(self, _: str) -> None:
        """The list of tools is another one."""

    def pods_of(self, _: str) -> Mapping[str, Pod]:
        """The pods in the caches."""
        return self.observation.pods

    def observe(self, _: str, *, complete_at: datetime | None, **read: Any) -> Observation:
        """The caches."""
        return replace(
            self.observation,
            seen=self.observed.of(KEY),
            failed_creates=since(self.observation.failed_creates, complete_at),
            **read,
        )

    def release_content(self, _workload: str, child_id: ChildId, live: LiveChild) -> None:
        """Keep the copy of a live child that has no content."""
        children = {**self.observation.children, child_id: live.without_content()}
        statefulset: Any = children.get(ChildId("StatefulSet", "weather"))
        self.observation = replace(self.observation, children=children, statefulset=statefulset)

    async def read_child(self, child: Child) -> Metadata | None:
        """Whose the name is."""
        self.calls.append(f"read {child.id}")
        return self.existing.get(str(child.id))

    async def apply_child(
        self,
        child: Child,
        *,
        uid: str | None,
        version: int = 0,
        force: bool,
        dry_run: bool = False,
    ) -> LiveChild:
        """Server-side apply; *version* is what the caches hold."""
        assert uid or not version
        call = f"{'force' if force else 'apply'} {child.id} {uid or ''}".strip()
        self.calls.append(f"try {call}" if dry_run else call)
        self.meanwhile()
        if error := self.failures.get(f"try {child.id}" if dry_run else str(child.id)):
            raise error
        if uid is None and str(child.id) in self.existing:
            raise Conflict("the object has been modified", status=409)
        self.version += 1
        self.applied[str(child.id)] = child
        identity = {"uid": f"{child.id}-uid", "resourceVersion": str(self.version)}
        stored = {**child.manifest, "metadata": {**child.manifest["metadata"], **identity}}
        live: type[LiveChild] = CHILD_KINDS[child.id.kind].live
        return msgspec.json.decode(msgspec.json.encode(stored), type=live)

    async def read_whole(self, child: Child) -> dict[str, Any] | None:
        """The object as it is stored."""
        self.calls.append(f"whole {child.id}")
        return self.whole.get(str(child.id))

    async def put_back(self, child: Child, live: Any, content: Any) -> Metadata:
        """An update of that very version."""
        self.calls.append(f"put {child.id} {live['metadata']['uid']}")
        refusals = self.refused_updates.get(str(child.id), [])
        if refusals:
            raise refusals.pop(0)
        self.updates.append(content)
        self.failures.pop(str(child.id), None)
        return Metadata(uid=live["metadata"]["uid"], resource_version=str(self.version))

    async def disown_updates(self, child: Child) -> Metadata:
        """An update of who holds what."""
        self.calls.append(f"disown {child.id}")
        if self.busy:
            self.busy -= 1
            raise Conflict("the object has been modified", status=409)
        self.version += 1
        return Metadata(uid=f"{child.id}-uid", resource_version=str(self.version))

    async def delete_child(
        self, namespace: str, child_id: ChildId, *, uid: str, version: int
    ) -> bool:
        """A deletion with UID and version as its preconditions."""
        assert namespace == "team"
        assert version >= 0
        self.calls.append(f"delete {child_id} {uid}")
        error = self.failures.get(f"delete {child_id}")
        if isinstance(error, Conflict):
            return False
        if error:
            raise error
        return True

    async def orphan_child(self, child: Child, *, uid: str, version: int) -> Metadata:
        """A deletion that spares the dependents."""
        self.calls.append(f"orphan {child.id} {uid} {version}")
        if error := self.failures.get(f"orphan {child.id}"):
            raise error
        self.version += 1
        return Metadata(uid=uid, resource_version=str(self.version))

    async def read_claims(self, namespace: str, workload: str) -> list[Claim]:
        """The claims with the workload's label."""
        assert (namespace, workload) == ("team", "weather")
        self.calls.append("list claims")
        if error := self.failures.get("list claims"):
            raise error
        return list(self.claims.values())

    async def grow_claim(self, claim: Claim, size: str, *, dry_run: bool) -> None:
        """A patch of the claim's request."""
        name = claim.metadata.name
        call = f"{'try' if dry_run else 'grow'} {name}"
        self.calls.append(f"{call} {size}")
        if error := self.failures.get(call):
            raise error
        if not dry_run:
            self.claims[name] = make_claim(name, size)

    async def write_status(self, body: Any, status: dict[str, Any]) -> dict[str, Any]:
        """The status subresource."""
        self.calls.append("status")
        if error := self.failures.get("status"):
            raise error
        self.statuses.append(status)
        version = str(int(body["metadata"]["resourceVersion"]) + 1)
        metadata = {**body["metadata"], "resourceVersion": version}
        self.stored.append({**body, "metadata": metadata, "status": status})
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unavailable("no answer")
        return self.stored[-1]

    async def read(self, namespace: str, uid: str) -> list[Event]:
        """The Events of a pod."""
        assert namespace == "team"
        self.asked.append(uid)
        return self.events.get(uid, [])

    async def read_of_claim(self, namespace: str, name: str) -> list[Event]:
        """The Events of a claim."""
        return await self.read(namespace, name)

    async def post(self, _body: Any, news: EventDraft, _now: datetime) -> None:
        """An Event of ours; no write that anything depends on."""
        self.said.append(news)

    async def post_exit(self, _body: Any, exit_: Exit, _now: datetime) -> None:
        """An Event of a container's end."""
        if error := self.failures.get("exit"):
            raise error
        self.exits.append(exit_)

    def exited(self, reason: str, count: int) -> None:
        """Exits that a stored status reports."""
        self.counted[reason] += count


@dataclass
class Harness:
    """A reconciler in that cluster, with one workload."""

    cluster: FakeCluster
    store: WorkloadStore
    reconcile: Reconciler
    #: The keys that the queue was told to forget.
    forgotten: list[str]

    @property
    def state(self) -> WorkloadState:
        """What is remembered of the workload."""
        return self.reconcile._states[KEY]

    def remember(self, **changes: Any) -> None:
        """Make what is remembered something else."""
        self.reconcile._states[KEY] = replace(self.state, **changes)

    async def look(self) -> Observation:
        """Read all that a reconcile reads, and go no further."""
        body = self.store.get(KEY)
        assert body is not None
        parsed = parse(body, UNVERIFIED)
        observation, self.reconcile._states[KEY] = await self.reconcile._observer.observe(
            KEY, parsed, self.state, self.cluster.now
        )
        return observation

    def conditions(self) -> list[str]:
        """The conditions that were written last."""
        written = self.cluster.statuses[-1]["conditions"]
        return ["{type}={status}/{reason}".format(**condition) for condition in written]


def make_harness(
    cluster: FakeCluster | None = None, policy: Policy = UNVERIFIED, **spec: Any
) -> Harness:
    """A workload that nobody has seen before, and its reconciler; no server is verified."""
    cluster, store, forgotten = cluster or FakeCluster(), WorkloadStore(), list[str]()
    store.put(make_body(**spec))
    anything: Any = cluster
    clock = Clock(lambda: cluster.seconds, lambda: cluster.now)
    reconcile = Reconciler(
        store,
        anything,
        forgotten.append,
        anything,
        anything,
        policy,
        clock,
        anything,
        anything,
        cluster.exited,
    )
    return Harness(cluster, store, reconcile, forgotten)
