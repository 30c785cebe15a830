"""What a permission profile gives a server, tried in its container."""

import json

import pytest

from tests.support.attempts import PYTHON
from tests.support.cluster import Cluster
from tests.support.manifests import make_object, make_running_workload
from tests.support.namespace import Namespace
from tests.support.predicates import condition_of, has_condition

LEVEL = "pod-security.kubernetes.io/enforce"
NET_BIND_SERVICE = 1 << 10
# What becomes of a file in each folder, and the rights of the container's first process.
_TRY = """
import json, os, sys
def write(folder):
    try:
        with open(os.path.join(folder, "new"), "w") as file:
            file.write("x")
    except OSError as error:
        return error.strerror
    return "written"
status = dict(line.split(":", 1) for line in open("/proc/1/status") if ":" in line)
found = {folder: write(folder) for folder in sys.argv[1:]}
found["capabilities"] = int(status["CapBnd"], 16)
found["nnp"] = int(status["NoNewPrivs"])
print(json.dumps(found))
"""


async def try_out(
    cluster: Cluster, namespace: Namespace, name: str, *folders: str
) -> dict[str, str | int]:
    """What a process of the server's container may do."""
    where = ("--namespace", namespace.name, "exec", f"{name}-0", "--container=mcp", "--")
    found: dict[str, str | int] = json.loads(await cluster.kubectl(*where, *PYTHON, _TRY, *folders))
    return found


async def test_files_are_written_where_the_profile_lists_them(
    namespace: Namespace, cluster: Cluster
) -> None:
    """Read-only is enforced, and all else is read-only but /tmp."""
    await namespace.create(make_object("ConfigMap", "settings", data={"a": "1"}))
    profile = {
        "read": ["configmap://settings:/settings", "emptydir://shared:/shown"],
        "write": ["emptydir://shared:/shared", "emptydir://:/cache"],
    }
    await namespace.settle(make_running_workload(permissionProfile=profile))

    folders = ("/settings", "/shown", "/shared", "/cache", "/tmp", "/", "/etc")
    found = await try_out(cluster, namespace, "weather", *folders)

    refused = "Read-only file system"
    assert [found[folder] for folder in folders] == [
        refused,
        refused,
        "written",
        "written",
        "written",
        refused,
        refused,
    ]
    assert found["capabilities"] == 0
    assert found["nnp"] == 1


async def test_capabilities_are_added_as_listed(namespace: Namespace, cluster: Cluster) -> None:
    """One, and no other."""
    profile = {"capAdd": ["NET_BIND_SERVICE"]}
    await namespace.settle(make_running_workload(permissionProfile=profile))

    found = await try_out(cluster, namespace, "weather")

    assert found["capabilities"] == NET_BIND_SERVICE


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ({"privileged": True}, "privileged"),
        ({"capAdd": ["SYS_ADMIN"]}, "SYS_ADMIN"),
        ({"read": ["/etc:/host"]}, "MCPWORKLOAD_HOST_PATHS"),
        # The installation allows it, and the namespace does not.
        ({"capAdd": ["CHOWN"]}, "CHOWN"),
    ],
)
async def test_what_is_over_the_bound_is_denied_before_any_pod_exists(
    namespace: Namespace, cluster: Cluster, profile: dict[str, object], said: str
) -> None:
    """The installation's bound, and the level of the namespace."""
    await cluster.kubectl("label", "namespace", namespace.name, f"{LEVEL}=restricted")
    await namespace.create(make_running_workload(permissionProfile=profile))

    denied = has_condition("Accepted", "False", "PolicyDenied")
    workload = await namespace.until("MCPWorkload", "weather", denied)

    assert said in condition_of(workload, "Accepted")["message"]
    assert await namespace.read_all("StatefulSet") == []
    assert await namespace.read_all("Pod") == []
