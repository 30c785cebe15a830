"""
What servers with each kind of profile reach, by attempts from inside of their pods.

What is seen is compared with `docs/isolation-matrix.md`; `make isolation-matrix` writes it there.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio

from hack.cluster.choose import choose_cluster
from tests.support.api import Api
from tests.support.attempts import PYTHON, Attempt, command_of, make_attempts, read_outcomes
from tests.support.cluster import Cluster
from tests.support.isolation_matrix import (
    OPEN,
    PAGE,
    PROFILES,
    WEB_PORT,
    Target,
    build_table,
    is_expected,
    is_reached,
    make_all,
    make_spec,
    make_targets,
    workload_name,
    write_page,
)
from tests.support.kinds import Manifest
from tests.support.manifests import SMALL, make_running_workload, make_workload
from tests.support.namespace import Namespace
from tests.support.operator_under_test import OperatorUnderTest
from tests.support.outside import INNER, LISTED, PORTS, ZONE, Outside, open_outside
from tests.support.predicates import is_ready

# What stands for the outside has addresses that only one pod can have.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.alone]

READY_SECONDS = 90.0
IS_TO_WRITE = bool(os.environ.get("MCPWORKLOAD_WRITE_PAGE"))
#: An attempt that should succeed may fail on a busy machine; one that should not has no excuse.
TRIES = 4
REBIND_TRIES = 20
OTHER_PORT = 8081
# A server on the workload's port and on one that nobody was told of.
_SERVER = f"""
import signal, socket, sys, threading
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
def serve(port):
    server = socket.create_server(("", port))
    while True:
        connection = server.accept()[0]
        connection.settimeout(1)
        try:
            if connection.recv(4096):
                connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nserver")
        except OSError:
            pass
        connection.close()
threading.Thread(target=serve, args=({OTHER_PORT},), daemon=True).start()
serve({WEB_PORT})
"""
_IDLE = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); signal.pause()"
WITH_OTHERS = "host"
SIDECAR, INIT, STDIO = "beside", "early", "stdio"
Outcomes = dict[Attempt, str]


@dataclass(frozen=True)
class Matrix:
    """The servers with all profiles, which run beside each other."""

    cluster: Cluster
    namespace: Namespace
    outside: Outside
    targets: dict[str, Target]
    #: By profile, what the server reached.
    reached: dict[str, frozenset[Attempt]]

    async def attempt(
        self, profile: str, made: Sequence[Attempt], container: str = "mcp"
    ) -> frozenset[Attempt]:
        """The attempts that succeeded from a container of the workload with that profile."""
        pod = f"{workload_name(profile)}-0"
        return await attempt(
            self.cluster, self.namespace, pod, made, self.targets, profile, container
        )


async def attempt(
    cluster: Cluster,
    namespace: Namespace,
    pod: str,
    made: Sequence[Attempt],
    targets: dict[str, Target],
    profile: str,
    container: str = "mcp",
) -> frozenset[Attempt]:
    """The attempts that succeeded; those that should have are made again a few times."""
    reached: set[Attempt] = set()
    left = list(made)
    for _ in range(TRIES):
        outcomes = await make_attempts(cluster, namespace.name, pod, left, container)
        assert set(outcomes) == set(left)
        reached |= {each for each in left if is_reached(targets, each, outcomes[each])}
        left = [each for each in left if is_expected(profile, each) and each not in reached]
        if not left:
            break
    return frozenset(reached)


def make_server(profile: str, listed_namespace: str, early: Sequence[Attempt]) -> Manifest:
    """The workload with that profile; one has other containers, of which one makes *early*."""
    spec = make_spec(profile, listed_namespace)
    if profile == WITH_OTHERS:
        spec["sidecars"] = [{"name": SIDECAR, "image": SMALL, "command": [*PYTHON, _IDLE]}]
        spec["initContainers"] = [{"name": INIT, "image": SMALL, "command": command_of(early)}]
    return make_running_workload(workload_name(profile), command=[*PYTHON, _SERVER], **spec)


def make_stdio_server() -> Manifest:
    """A workload whose bridge starts the server, in one container with it."""
    command = ["python", "-m", "mcp_server_time"]
    spec = make_spec(WITH_OTHERS, "")
    stdio = {"type": "stdio"}
    return make_workload(STDIO, transport=stdio, replicas=1, command=command, **spec)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(
    cluster: Cluster,
    operator_under_test: OperatorUnderTest,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Matrix]:
    """All servers, after their attempts."""
    if choose_cluster().name != "local":
        pytest.skip("other clusters have no addresses for what stands for the outside")
    operator_under_test.put_in()
    log, folder = operator_under_test.log, tmp_path_factory.mktemp("outside")
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(Api.open(cluster.kubeconfig))
        outside = await stack.enter_async_context(open_outside(api, cluster, folder, log))
        namespace = await stack.enter_async_context(Namespace.open(api, "matrix", log))
        await namespace.settle(make_server(OPEN, "", ()), READY_SECONDS)
        neighbour = await namespace.get("Pod", f"{workload_name(OPEN)}-0")
        targets = make_targets(outside, neighbour["status"]["podIP"])
        made = make_all(targets)
        isolated = [profile for profile in PROFILES if profile != OPEN]
        for profile in isolated:
            await namespace.apply(make_server(profile, outside.namespace.name, made))
        await namespace.apply(make_stdio_server())
        names = [*map(workload_name, isolated), STDIO]
        await namespace.until_all("MCPWorkload", names, is_ready(), READY_SECONDS)
        pods = {profile: f"{workload_name(profile)}-0" for profile in PROFILES}
        found = await asyncio.gather(
            *(attempt(cluster, namespace, pods[each], made, targets, each) for each in PROFILES)
        )
        reached = dict(zip(PROFILES, found, strict=True))
        yield Matrix(cluster, namespace, outside, targets, reached)


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_server_reaches_what_its_profile_allows(matrix: Matrix, profile: str) -> None:
    """No less, and nothing else."""
    expected = {each for each in make_all(matrix.targets) if is_expected(profile, each)}

    assert sorted(matrix.reached[profile] - expected) == []
    assert sorted(expected - matrix.reached[profile]) == []


async def test_a_sidecar_reaches_the_same(matrix: Matrix) -> None:
    """What its pod may reach."""
    reached = await matrix.attempt(WITH_OTHERS, make_all(matrix.targets), SIDECAR)

    assert sorted(reached ^ matrix.reached[WITH_OTHERS]) == []


async def test_an_init_container_reaches_no_more(matrix: Matrix) -> None:
    """And its first attempts are the ones that count."""
    pod = f"{workload_name(WITH_OTHERS)}-0"
    where = ("--namespace", matrix.namespace.name, pod, f"--container={INIT}")
    outcomes = read_outcomes(await matrix.cluster.kubectl("logs", *where))
    reached = {each for each in outcomes if is_reached(matrix.targets, each, outcomes[each])}

    assert set(outcomes) == set(make_all(matrix.targets))
    assert sorted(reached - matrix.reached[WITH_OTHERS]) == []
    # The proxy works by then.
    assert {each.target for each in reached} == {"allowed host, the apex"}


async def test_the_bridge_of_a_stdio_server_reaches_the_same(matrix: Matrix) -> None:
    """It is in the server's container."""
    made = make_all(matrix.targets)
    where = (matrix.cluster, matrix.namespace, f"{STDIO}-0")

    reached = await attempt(*where, made, matrix.targets, WITH_OTHERS)

    assert sorted(reached ^ matrix.reached[WITH_OTHERS]) == []


@pytest.mark.parametrize("profile", ["port", "wildcard"])
async def test_a_name_that_changes_its_address_gains_nothing(matrix: Matrix, profile: str) -> None:
    """Whichever address a name leads to at which moment: the private one is never reached."""
    zone = {"port": ZONE, "wildcard": LISTED}[profile]
    names = (f"rebind.{zone}", f"both.{zone}")
    made = [
        Attempt(f"{name} {number}", "https", name, PORTS["https"], is_aware=True)
        for name in names
        for number in range(REBIND_TRIES)
    ]
    pod = f"{workload_name(profile)}-0"

    outcomes = await make_attempts(matrix.cluster, matrix.namespace.name, pod, made)

    assert len(outcomes) == len(made)
    # The proxy answered each time, by the public host or by a denial.
    expected = ("reached allowed", "denied")
    assert [each for each in outcomes.items() if not each[1].startswith(expected)] == []


def expects_inbound(profile: str, source: str, port: int) -> bool:
    """Whether a pod of the listed namespace, or another, should reach a server's port."""
    if profile == OPEN:
        return True
    return port == WEB_PORT and (profile != "inbound" or source == "a listed namespace")


async def test_others_reach_a_servers_port_where_they_may(matrix: Matrix) -> None:
    """And no other of its ports; the page says the same of both directions."""
    pods = {
        profile: await matrix.namespace.get("Pod", f"{workload_name(profile)}-0")
        for profile in PROFILES
    }
    made = [
        Attempt(profile, "http", pod["status"]["podIP"], port, is_aware=False)
        for profile, pod in pods.items()
        for port in (WEB_PORT, OTHER_PORT)
    ]
    sources = {
        "a listed namespace": (matrix.outside.namespace.name, INNER),
        "elsewhere": (matrix.namespace.name, f"{workload_name(OPEN)}-0"),
    }
    seen: dict[tuple[str, str, int], bool] = {}
    for source, (namespace, pod) in sources.items():
        outcomes = await make_attempts(matrix.cluster, namespace, pod, made)
        for each, outcome in outcomes.items():
            seen[each.target, source, each.port] = outcome == "reached server"

    assert seen == {key: expects_inbound(*key) for key in seen}
    rows = [
        [profile, *(_ports_of(seen, profile, source) for source in sources)] for profile in PROFILES
    ]
    head = ["profile", *(f"from {source}" for source in sources)]
    inbound = build_table(head, rows)
    compare_page(write_page(matrix.targets, matrix.reached, inbound))


def _ports_of(seen: dict[tuple[str, str, int], bool], profile: str, source: str) -> str:
    words = {WEB_PORT: "the server's port", OTHER_PORT: "another port"}
    return ", ".join(word for port, word in words.items() if seen[profile, source, port]) or "none"


def compare_page(page: str) -> None:
    """Write the page, where that is asked for; else it must be what is in the repository."""
    if IS_TO_WRITE:
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page
