"""In this folder the cluster has the image of servers."""

import fcntl
import os

import pytest

from hack.cluster.choose import choose_cluster
from hack.images.build import build_images
from hack.images.catalog import by_name
from tests.support.cluster import Cluster


@pytest.fixture(scope="session", autouse=True)
def _servers(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> None:  # noqa: ARG001
    """
    Load the image, once for all workers of a run.

    Where it has to be built first, that takes a minute or two: `make servers` does it before.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with (tmp_path_factory.getbasetemp().parent / f"servers-{run}").open("a") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        if done.tell():
            return
        (built,) = build_images([by_name("servers")])
        choose_cluster().load(built.reference, built.archive)
        done.write("loaded")
