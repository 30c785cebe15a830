"""
A thousand specs that nobody would write.

Whatever the CRD accepts becomes children that the API server accepts and leaves as they are,
or a refusal with a reason; never an exception, and never something to be applied again.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpworkload.desired import build_children
from mcpworkload.drift import first_difference
from mcpworkload.errors import Refusal
from mcpworkload.models import Workload
from tests.rig.api import APPLY, Api, RequestFailed
from tests.rig.builders import make_object
from tests.rig.cluster import Cluster
from tests.rig.figures import Figures
from tests.rig.generate import make_spec
from tests.rig.kinds import Manifest, path_of

NAMESPACE = "default"
EXAMPLES = 1000
UID = "0b9c0000-0000-4000-8000-000000000000"


class Judge:
    """The API server as a judge: every request is a dry run."""

    def __init__(self, runner: asyncio.Runner, api: Api) -> None:
        self._runner = runner
        self._api = api
        self.verdicts: Counter[str] = Counter()

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
def judge(cluster: Cluster, figures: Figures) -> Iterator[Judge]:
    """One session for all examples; what came out is noted at the end."""
    with asyncio.Runner() as runner:
        context = Api.open(cluster.kubeconfig)
        judge = Judge(runner, runner.run(context.__aenter__()))
        yield judge
        runner.run(context.__aexit__(None, None, None))
    figures.note(f"generated specs: {dict(judge.verdicts)}")


@pytest.mark.timeout(300)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32))
def test_whatever_the_crd_accepts_ends_well(judge: Judge, seed: int) -> None:
    """The seed in a failure's report gives the spec again: `make_spec(seed)`."""
    try:
        body = judge.create(make_object("MCPWorkload", "generated", spec=make_spec(seed)))
    except RequestFailed as refused:
        if refused.status not in (400, 422):
            raise
        judge.verdicts["refused by the CRD"] += 1
        return
    judge.verdicts[_judge_children(judge, body)] += 1


def _judge_children(judge: Judge, body: dict[str, Any]) -> str:
    body["metadata"]["uid"] = UID
    try:
        children = build_children(Workload.parse(body))
    except Refusal as refusal:
        return f"refused: {refusal.reason}"
    for child in children:
        try:
            stored = judge.apply(child.manifest)
        except RequestFailed as refused:
            # A conversion that fails is answered with 500, though it is the author's fault.
            if refused.status >= 500 and "typed" not in refused.message:
                raise
            return "refused: Rejected"
        difference = first_difference(child.manifest["spec"], stored["spec"], "spec")
        assert difference is None, f"{child.id}: {difference} would be applied for ever"
    return "accepted"
