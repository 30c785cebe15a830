"""What people may do with MCPWorkloads who have one of Kubernetes' own roles in a namespace."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.cluster import Cluster
from tests.support.manifests import make_object
from tests.support.namespace import Namespace

READING = [("get", ""), ("list", ""), ("watch", ""), ("get", "status"), ("get", "scale")]
WRITING = [
    *((verb, "") for verb in ("create", "update", "patch", "delete", "deletecollection")),
    ("update", "scale"),
    ("patch", "scale"),
]
OWNING = [("update", "finalizers")]
NEVER = [("patch", "status"), ("update", "status")]


async def may(api: Api, namespace: Namespace, user: str, verb: str, subresource: str) -> bool:
    """What the API server would answer that user there."""
    attributes = {
        "namespace": namespace.name,
        "verb": verb,
        "group": "mcpworkload.dev",
        "resource": "mcpworkloads",
        "subresource": subresource,
    }
    review: dict[str, Any] = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    allowed: bool = (await api.request("POST", path, review))["status"]["allowed"]
    return allowed


async def bind(namespace: Namespace, role: str, user: str) -> None:
    """Give *user* the cluster's *role* in the namespace."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    await namespace.create(make_object("RoleBinding", user, roleRef=reference, subjects=[subject]))


@pytest.mark.parametrize(
    ("role", "allowed", "denied"),
    [
        ("view", READING, [*WRITING, *OWNING, *NEVER]),
        ("edit", [*READING, *WRITING], [*OWNING, *NEVER]),
        ("admin", [*READING, *WRITING, *OWNING], NEVER),
    ],
)
async def test_the_usual_roles_have_workloads_in_them(
    api: Api, namespace: Namespace, cluster: Cluster, role: str, allowed: Any, denied: Any
) -> None:
    """By aggregation, and no more than each of them stands for: the status is the operator's."""
    user = f"{role}-of-{namespace.name}"
    await bind(namespace, role, user)
    as_user = ("--as", user, "--namespace", namespace.name)
    for _ in range(50):  # the authorizer learns of the binding by a watch
        if await may(api, namespace, user, "get", ""):
            break

    assert [each for each in allowed if not await may(api, namespace, user, *each)] == []
    assert [each for each in denied if await may(api, namespace, user, *each)] == []
    assert (
        await cluster.kubectl("auth", "can-i", "watch", "mcpworkloads", *as_user)
    ).strip() == "yes"
