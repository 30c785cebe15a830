"""A log that is followed over twenty crashes: on a kubelet that does not wait between them."""

import pytest

from tests.support.cluster import Cluster
from tests.support.namespace import Namespace
from tests.support.streams import follow_over_crashes, open_runtime

CRASHES = 20


@pytest.mark.usefixtures("_operator_in_cluster", "_quick_restarts")
async def test_no_line_is_lost_and_none_comes_twice(namespace: Namespace, cluster: Cluster) -> None:
    """Though each instance lives for less than a second."""
    async with open_runtime(namespace, cluster.kubeconfig) as runtime:
        await follow_over_crashes(namespace, runtime, CRASHES)
