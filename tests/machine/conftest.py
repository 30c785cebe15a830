"""In this folder the operator, where a test needs one, is the Deployment of `make install`."""

from collections.abc import Iterator

import pytest

from hack.cluster.choose import choose_cluster
from tests.support.cluster import make
from tests.support.manifests import make_workload
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest

REACHED_SECONDS = 120.0
TAKES_IT_DOWN = "test_local_cluster.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes the cluster down comes last."""
    items.sort(key=lambda item: item.path.name == TAKES_IT_DOWN)


@pytest.fixture(autouse=True, scope="session")
def _only_of_the_local_cluster() -> None:
    """No other cluster's programs are ours to end."""
    if choose_cluster().name != "local":
        pytest.skip("only of the local cluster")


@pytest.fixture
async def _operator_in_cluster(
    operator_under_test: OperatorUnderTest, namespace: Namespace
) -> None:
    """The operator works in the cluster, though a test before may have restarted the API server."""
    operator_under_test.put_in()
    # Until kube-proxy has found that again, no pod reaches it.
    await namespace.settle(make_workload("first"), REACHED_SECONDS)


@pytest.fixture
def _quick_restarts() -> Iterator[None]:
    """The kubelet restarts what has ended after a second at most."""
    make("up", CRASH_BACKOFF="1s")
    yield
    make("up")
