"""In this folder the operator is the Deployment that `make install` made."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcpworkload.runtime import KubernetesRuntime
from tests.support.cluster import Cluster
from tests.support.library import give_rights
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest


@pytest.fixture(autouse=True)
def _operator_in_cluster(operator_under_test: OperatorUnderTest) -> None:
    """The operator works in the cluster."""
    operator_under_test.put_in()


@pytest.fixture
async def runtime(
    namespace: Namespace, cluster: Cluster, tmp_path: Path
) -> AsyncIterator[KubernetesRuntime]:
    """The library, with the rights that its page names and no others."""
    kubeconfig = await give_rights(namespace, cluster, tmp_path)
    async with await KubernetesRuntime.from_environment(kubeconfig=str(kubeconfig)) as runtime:
        yield runtime
