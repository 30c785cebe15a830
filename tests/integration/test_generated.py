"""
A thousand specs that the CRD accepts, most of which nobody would write.

Each becomes children that the API server accepts and leaves as they are, or a refusal with a
reason; never an exception, and never something to be applied again.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpworkload.api.reasons import AcceptedReason
from mcpworkload.api.refusals import Refusal
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import Surroundings, build_children, build_draft
from mcpworkload.controller.plan.observation import Observation
from mcpworkload.controller.plan.plan import plan
from mcpworkload.kube import objects
from mcpworkload.kube.errors import Forbidden, Refused, kind_of
from tests.support.api import APPLY, Api, RequestFailed
from tests.support.bridged import POLICY
from tests.support.cluster import Cluster
from tests.support.generate import make_spec, spec_schema
from tests.support.kinds import Manifest, path_of
from tests.support.manifests import make_object
from tests.support.measurements import Measurements

NAMESPACE = "default"
# One in four is refused by the CRD; those do not count.
EXAMPLES = 1500
ENOUGH = 1000
UID = "0b9c0000-0000-4000-8000-000000000000"
BY_CRD = "refused by the CRD"
SURROUNDINGS = Surroundings(proxy_address="10.96.3.1")


class Judge:
    """The API server as a judge: every request is a dry run."""

    def __init__(self, runner: asyncio.Runner, api: Api) -> None:
        self._runner = runner
        self._api = api
        self.verdicts: Counter[str] = Counter()
        #: The fields of specs of which children came, and how often.
        self.fields: Counter[str] = Counter()

    def create(self, body: Manifest) -> Manifest:
        """The workload as it would be stored."""
        body["metadata"]["namespace"] = NAMESPACE
        return self._runner.run(self._api.create(body, dry_run=True))

    def apply(self, child: Manifest) -> Manifest:
        """The child as it would be stored."""
        path = path_of(child["kind"], NAMESPACE, child["metadata"]["name"])
        query = {"dryRun": "All", "fieldManager": "mcpworkload"}
        return self._runner.run(self._api.request("PATCH", path, child, APPLY, query))


@pytest.fixture(scope="module")
def judge(cluster: Cluster, measurements: Measurements) -> Iterator[Judge]:
    """One session for all examples; what came out is noted at the end."""
    with asyncio.Runner() as runner:
        context = Api.open(cluster.kubeconfig)
        judge = Judge(runner, runner.run(context.__aenter__()))
        yield judge
        runner.run(context.__aexit__(None, None, None))
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in judge.verdicts.most_common())
    measurements.note(f"generated specs: {verdicts}")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_whatever_the_crd_accepts_ends_well(judge: Judge) -> None:
    """The seed in a failure's report gives the spec again: `make_spec(seed)`."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**32))
    def judge_spec(seed: int) -> None:
        judge.verdicts[_judge(judge, make_spec(seed))] += 1

    judge_spec()

    assert judge.verdicts.total() - judge.verdicts[BY_CRD] >= ENOUGH
    assert judge.verdicts["accepted"] >= ENOUGH // 2
    assert not set(spec_schema()["properties"]) - set(judge.fields)
    for reason in (AcceptedReason.PATCH_REJECTED, AcceptedReason.POLICY_DENIED):
        assert judge.verdicts[f"refused: {reason}"]


def _judge(judge: Judge, spec: dict[str, Any]) -> str:
    try:
        body = judge.create(make_object("MCPWorkload", "generated", spec=spec))
    except RequestFailed as refused:
        if refused.status not in (400, 422):
            raise
        return BY_CRD
    body["metadata"]["uid"] = UID
    try:
        workload = Workload.parse(body)
        draft = build_draft(workload, POLICY, SURROUNDINGS)
        children = build_children(workload, POLICY, draft.template, draft.grants)
    except Refusal as refusal:
        return f"refused: {refusal.reason}"
    stored: dict[Any, objects.LiveChild] = {}
    for child in children:
        try:
            manifest = judge.apply(child.manifest)
        except RequestFailed as refused:
            if kind_of(refused.status, refused.message) not in (Refused, Forbidden):
                raise  # it would be tried again for ever
            return f"refused: {AcceptedReason.REJECTED}"
        kind = getattr(objects, child.id.kind)
        stored[child.id] = msgspec.json.decode(json.dumps(manifest), type=kind)
    assert plan(UID, children, Observation(children=stored), {}) == (), "it would be applied again"
    judge.fields.update(spec.keys())
    return "accepted"
