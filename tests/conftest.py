"""
Order, time limits, and the fixtures of everything that needs a cluster.

Tests below `unit` and `component` need none and never touch one. The others share one operator.
Most use the one in the cluster, each in a namespace of its own, and run side by side. Those marked
`alone` end the operator, change its rights or compare how many writes it makes of a change that
takes a while; they run one after the other, and in `integration` the operator is then a process of
the tests: see `support/operator_under_test.py`.
"""

import os
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hack.terminal import ToolError
from tests.support.api import Api
from tests.support.audit import AuditLog
from tests.support.cluster import Cluster, find_cluster
from tests.support.measurements import Measurements
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest
from tests.support.process import (
    OperatorProcess,
    read_environment,
    write_kubeconfig,
)

HERE = Path(__file__).parent
# The fast ones first.
FOLDERS = ("unit", "component", "integration", "e2e", "perf", "machine", "faults")
FIRST_ON_CLUSTER = FOLDERS.index("integration")
# A test that has the operator may end it, under the hands of all that run beside it.
FIXTURE_OF_ONE = "operator"
CLUSTER_TEST_SECONDS = 180
# The same examples in each run: what changed nothing breaks nothing, however slow the machine is.
# `make search` looks for examples that nobody has tried yet.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile(
    "search", max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("same")
_OPERATOR_UNDER_TEST = pytest.StashKey[OperatorUnderTest]()
_MEASUREMENTS = pytest.StashKey[Measurements]()


def pytest_configure(config: pytest.Config) -> None:
    """Collect what tests measure, and hear Ctrl-C, which shells have ignored after an `&`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[_MEASUREMENTS] = Measurements()
    config.pluginmanager.register(config.stash[_MEASUREMENTS])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Run folder after folder; mark what runs alone; give tests on a cluster the time that it takes.

    This hook runs before the one that selects by marker: what it marks can be selected.
    """
    for item in items:
        if _folder_number(item) < FIRST_ON_CLUSTER:
            continue
        if FIXTURE_OF_ONE in getattr(item, "fixturenames", ()):
            item.add_marker("alone")
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(CLUSTER_TEST_SECONDS))
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[bool, bool, bool, int]:
    """
    The place of a test among all.

    Tests that run alone are last, since `integration` moves the operator out of the cluster.
    Of those that run side by side the long ones are first, so that none of them is waited for.
    """
    is_alone, is_long = (item.get_closest_marker(name) is not None for name in ("alone", "long"))
    folder = _folder_number(item)
    return is_alone, folder >= FIRST_ON_CLUSTER, is_alone or not is_long, folder


def _folder_number(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the operator said last under a test that failed."""
    report = yield
    operator_under_test = item.config.stash.get(_OPERATOR_UNDER_TEST, None)
    if report.failed and operator_under_test is not None:
        try:
            report.sections.append(("the operator's last log lines", operator_under_test.log()))
        except ToolError as error:
            report.sections.append(("the operator's log could not be read", str(error)))
    return report


@pytest.fixture(scope="session")
def measurements(pytestconfig: pytest.Config) -> Measurements:
    """Where tests note what they measured."""
    return pytestconfig.stash[_MEASUREMENTS]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The test cluster; without one every test that needs it fails with what to do."""
    try:
        return find_cluster()
    except ToolError as error:
        pytest.fail(f"{error}\n`make up install` brings up a cluster", pytrace=False)


@pytest.fixture(scope="session")
def operator_under_test(
    cluster: Cluster, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorUnderTest]:
    """The operator's two places; in the end it is back in the cluster."""
    folder = tmp_path_factory.mktemp("operator")
    try:
        kubeconfig = write_kubeconfig(cluster, folder / "kubeconfig")
        environment = read_environment()
    except ToolError as error:
        pytest.fail(f"{error}\n`make install` installs the operator", pytrace=False)
    # Of this run alone: one that was killed may have left its process, and that the Lease.
    identity = f"tests-{os.getpid()}"
    operator_under_test = OperatorUnderTest(
        OperatorProcess(kubeconfig, folder / "log", identity, environment)
    )
    pytestconfig.stash[_OPERATOR_UNDER_TEST] = operator_under_test
    try:
        yield operator_under_test
    finally:
        operator_under_test.put_in()


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    """The API server, with the rights of the kubeconfig's user."""
    async with Api.open(cluster.kubeconfig) as api:
        yield api


@pytest.fixture
async def namespace(
    api: Api, operator_under_test: OperatorUnderTest, request: pytest.FixtureRequest
) -> AsyncIterator[Namespace]:
    """A namespace for this test alone, named after its file."""
    word = request.path.stem.removeprefix("test_").replace("_", "-")
    async with Namespace.open(api, word, operator_under_test.log) as namespace:
        yield namespace


@pytest.fixture
def audit(cluster: Cluster) -> AuditLog:
    """The audit log from now on."""
    return AuditLog(cluster.require_audit_log()).from_now()
