"""The log of a workload's egress proxy: whose pods it is of, and who has none."""

from typing import Any, cast

import pytest

from mcpworkload.api.names import EGRESS_LABEL
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import GateTarget
from mcpworkload.controller.desired import Policy, Surroundings, build_children, build_draft
from mcpworkload.runtime import WorkloadInvalid, WorkloadNotRunning
from mcpworkload.runtime.connection import RuntimeConnection
from mcpworkload.runtime.lifecycle import WorkloadHandle
from mcpworkload.runtime.log_follow import follow_logs
from mcpworkload.runtime.logs import LogOptions, log_options, read_logs

ISOLATED = {
    "image": "a/b",
    "transport": {"type": "streamable-http"},
    "isolateNetwork": True,
    "permissionProfile": {"network": {"outbound": {"allowHost": ["api.example.com"]}}},
}


def make_pod(name: str, owner: str = "w-egress-6d5", kind: str = "ReplicaSet") -> dict[str, Any]:
    """A pod of that owner, whose only container runs."""
    reference = {"kind": kind, "name": owner, "uid": "o", "controller": True}
    status = {"name": "squid", "state": {"running": {}}, "containerID": f"id-of-{name}"}
    return {
        "metadata": {"name": name, "uid": f"uid-of-{name}", "ownerReferences": [reference]},
        "spec": {"containers": [{"name": "squid"}]},
        "status": {"containerStatuses": [status]},
    }


class Api:
    """One workload, and the pods that have the label of an egress proxy."""

    def __init__(self, *pods: dict[str, Any], **spec: Any) -> None:
        self.pods = pods
        self.spec = {**ISOLATED, **spec}

    async def request(self, _method: str, path: str, **more: Any) -> Any:
        """The workload, or its pods."""
        if path.endswith("/pods"):
            assert more["query"] == {"labelSelector": f"{EGRESS_LABEL}=w"}
            return {"items": list(self.pods)}
        return {"metadata": {"name": "w", "uid": "u"}, "spec": self.spec}

    async def read_text(self, path: str, query: dict[str, str], _key: str) -> str:
        """What the proxy has printed."""
        assert query["container"] == "squid"
        return f"of {path.split('/')[-2]}\n"


def workload_of(api: Api) -> WorkloadHandle:
    """The workload, for the library."""
    return WorkloadHandle(cast("RuntimeConnection", api), "team", "w")


def egress(workload: WorkloadHandle) -> LogOptions:
    """The options of a caller who wants the proxy's log."""
    return log_options(workload, False, {"egress": True})


async def test_it_is_that_of_the_proxys_pods() -> None:
    """Of two pods, while one replaces the other, each line names its own."""
    one = workload_of(Api(make_pod("w-egress-6d5-a")))
    two = workload_of(Api(make_pod("w-egress-6d5-b"), make_pod("w-egress-6d5-a")))

    assert await read_logs(one, egress(one)) == "of w-egress-6d5-a\n"
    assert await read_logs(two, egress(two)) == (
        "[w-egress-6d5-a] of w-egress-6d5-a\n[w-egress-6d5-b] of w-egress-6d5-b\n"
    )


async def test_a_pod_that_only_has_the_label_is_not_the_proxy() -> None:
    """Whoever may create pods could else write lines into that log."""
    foreign = make_pod("other-1", owner="other-1", kind="Job")
    workload = workload_of(Api(foreign))

    with pytest.raises(WorkloadNotRunning):
        await read_logs(workload, egress(workload))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"isolateNetwork": False}, "no egress proxy: its network is not isolated"),
        ({"permissionProfile": {"builtin": "none"}}, "no egress proxy: only a permission profile"),
        ({"operatingMode": "Stopped"}, "it is stopped"),
    ],
)
async def test_who_has_no_proxy_is_told_why(spec: dict[str, Any], words: str) -> None:
    """At once, also where the log is to be followed."""
    workload = workload_of(Api(**spec))

    with pytest.raises(WorkloadNotRunning, match=words):
        await read_logs(workload, egress(workload))
    with pytest.raises(WorkloadNotRunning, match=words):
        await follow_logs(workload, egress(workload))


@pytest.mark.parametrize("more", [{"container": "mcp"}, {"pod": 0}])
def test_a_proxy_has_no_replicas_and_one_container(more: Any) -> None:
    """What chooses among those of the server makes no sense here."""
    workload = workload_of(Api())

    with pytest.raises(WorkloadInvalid, match="leave it out"):
        log_options(workload, False, more | {"egress": True})


def test_the_container_is_the_one_that_the_operator_makes() -> None:
    """Under its name, in pods with its label."""
    policy = Policy(
        bridge_image="b:1",
        egress_image="e:1",
        gate=GateTarget("10.96.0.7", control_port=8081, forbidden_port=8080),
    )
    workload = Workload.parse({"metadata": {"name": "w"}, "spec": ISOLATED})
    draft = build_draft(workload, policy, Surroundings(proxy_address="10.96.0.8"))
    children = build_children(workload, policy, draft.template, draft.grants)

    (proxy,) = [child.manifest for child in children if child.id.kind == "Deployment"]
    template = proxy["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert proxy["metadata"]["name"] == "w-egress"
    assert container["name"] == egress(workload_of(Api())).container
    assert template["metadata"]["labels"][EGRESS_LABEL] == "w"
