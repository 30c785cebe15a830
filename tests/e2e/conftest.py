"""In this folder the operator is the Deployment that `make install` made."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcpworkload.runtime import KubernetesRuntime
from tests.support.cluster import Cluster
from tests.support.library import give_rights
from tests.support.namespace import Space
from tests.support.operator_under_test import Seat


@pytest.fixture(autouse=True)
def _operator_in_cluster(seat: Seat) -> None:
    """The operator works in the cluster."""
    seat.put_in()


@pytest.fixture
async def runtime(
    space: Space, cluster: Cluster, tmp_path: Path
) -> AsyncIterator[KubernetesRuntime]:
    """The library, with the rights that its page names and no others."""
    kubeconfig = await give_rights(space, cluster, tmp_path)
    async with await KubernetesRuntime.from_environment(kubeconfig=str(kubeconfig)) as runtime:
        yield runtime
