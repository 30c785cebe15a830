"""
Random lives of pods against what is told of them.

The simulation has a StatefulSet's pods on a fake kubelet; the reader is a watch that reports now
and then, whose process may die at any moment. Whatever happens, nothing is told twice, nothing
that was asked for, and no detail that is not true. Everything is told of a pod that is there in
the end, or whose end was watched and accounted for. Of the others at most one exit is made up,
the `Unknown` of their disappearance. Some things cannot be known, and are asked for less: ends
before a deletion on a node whose clock is wrong, a count begun anew while nobody looked.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.exits.harness import OFTEN, POD_STEPS, STEPS, ExitSimulation, Step

EXAMPLES = 600
_WORDS = st.sampled_from([*OFTEN, *POD_STEPS, *STEPS])
_NUMBERS = st.integers(0, 59)


@pytest.mark.timeout(60)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(_WORDS, _NUMBERS, _NUMBERS), min_size=10, max_size=80),
    st.sampled_from((0, 0, 0, -30, 30)),
    st.integers(0, 3),
)
def test_the_exits_reported_are_the_true_ones(steps: list[Step], skew: int, shape: int) -> None:
    """See the module."""
    simulation = ExitSimulation(skew, shape)
    simulation.fill(0)
    simulation.look()
    for step in steps:
        simulation.do(step)
    simulation.finish()

    told = simulation.reader.told.values()
    details = [each.container_id for each in told if each.container_id]
    assert len(set(details)) == len(details)
    for pod in simulation.all:
        is_known = pod.uid in simulation.done or simulation.pods.get(pod.name) is pod
        for container in pod.containers:
            mine = [x for x in told if (x.pod_uid, x.container) == (pod.uid, container.name)]
            assert {x.container_id for x in mine if x.container_id} <= {*container.unexpected}
            number, truth = sum(x.count for x in mine), len(container.unexpected)
            may_vanish = not is_known and container.name == "mcp"
            assert number <= truth + may_vanish, (pod, mine)
            if is_known and pod.is_exact:
                assert number == truth, (pod, mine)
