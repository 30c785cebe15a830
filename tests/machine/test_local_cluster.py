"""
The local cluster itself: killed, it comes back as it was; taken down, it leaves nothing.

These tests end the cluster, so `make test` leaves them to `make test-machine`.
"""

import os
import signal
import subprocess
import sys

import pytest

from hack.install import wait_until_ready
from hack.kubectl import kubectl
from hack.local.processes import marked
from hack.local.settings import state_folder
from tests.support.cluster import ROOT, make

RESTART_SECONDS = 60.0

pytestmark = pytest.mark.timeout(300)


def test_a_cluster_whose_every_process_was_killed_comes_back() -> None:
    """With its objects, its images and its pods."""
    kubectl("create", "configmap", "before-the-kill")
    for pid in (pids := marked(state_folder())):
        os.kill(pid, signal.SIGKILL)
    assert len(pids) > 8

    make("up")

    wait_until_ready()
    kubectl("delete", "configmap", "before-the-kill")


def test_down_leaves_nothing_and_up_is_quick() -> None:
    """No process, mount, namespace, cgroup, link, chain or set of ours."""
    took = make("down")
    leftovers = subprocess.run(
        [sys.executable, "-m", "hack.local", "leftovers"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    took += make("up")

    assert (leftovers.stdout, leftovers.returncode) == ("", 0)
    assert took < RESTART_SECONDS
