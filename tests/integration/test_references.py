"""
ConfigMaps and Secrets that pods read, on a real API server.

Workloads have no replicas where nothing has to run; those that would be refused need one.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mcpworkload.api.names import REFERENCES_ANNOTATION
from tests.support.api import Api, RequestFailed
from tests.support.audit import AuditLog
from tests.support.kinds import Manifest
from tests.support.manifests import make_object, make_running_workload, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import Predicate, condition_of, field, has_condition, is_ready
from tests.support.process import ACCOUNT, NAMESPACE, OperatorProcess

# Long enough for the operator to be told, to look, and to write if it wanted to.
QUIET_SECONDS = 2.0
ANNOTATION = ("spec", "template", "metadata", "annotations", REFERENCES_ANNOTATION)
RULE = "mcpworkload-test-secrets"
NOT_FOUND = has_condition("Accepted", "False", "ReferenceNotFound")


def read_key(source: str, name: str, **more: Any) -> list[Manifest]:
    """A variable that is read from the key `api` of an object."""
    reference = {"name": name, "key": "api", **more}
    return [{"name": "KEY", "valueFrom": {source: reference}}]


def make_config(name: str, **data: str) -> Manifest:
    """A ConfigMap."""
    return make_object("ConfigMap", name, data=data)


def make_secret(name: str, **data: str) -> Manifest:
    """A Secret."""
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    return make_object("Secret", name, data=encoded)


def differs(digest: str) -> Predicate:
    """A StatefulSet whose pods were made for another content than *digest* stands for."""
    return Predicate(
        f"has another digest than {digest}",
        lambda found: found is not None and field(found, *ANNOTATION) not in (None, digest),
    )


async def quiet(audit: AuditLog) -> AuditLog:
    """The audit log from when the last write has reached it."""
    await asyncio.sleep(QUIET_SECONDS)
    return audit.from_now()


async def digest_in(namespace: Namespace) -> str:
    """The digest in the pod template of the workload's StatefulSet."""
    digest: str = field(await namespace.get("StatefulSet", "weather"), *ANNOTATION)
    return digest


@pytest.fixture
async def _rights_on_secrets(api: Api, operator: OperatorProcess) -> AsyncIterator[None]:
    """What `deploy/overlays/secrets` gives; the operator is restarted to notice at once."""
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": RULE}
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    await remove_rights(api)
    await api.create(make_object("ClusterRole", RULE, rules=rules))
    binding = make_object("ClusterRoleBinding", RULE, roleRef=role, subjects=[account])
    await api.create(binding)
    operator.stop()
    operator.start_leading()
    try:
        yield
    finally:
        await remove_rights(api)
        operator.stop()


async def remove_rights(api: Api) -> None:
    """Take them back, also what a killed run left."""
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        try:
            await api.delete(kind, "", RULE)
        except RequestFailed as failure:
            assert failure.status == 404  # noqa: PT017 - it was not there


async def test_a_missing_object_and_a_missing_key_are_named_and_heal(namespace: Namespace) -> None:
    """No pod is made that could not start; the arrival of what is missing is enough."""
    workload = make_running_workload(env=read_key("configMapKeyRef", "settings"))
    await namespace.apply(workload)
    found = await namespace.until("MCPWorkload", "weather", NOT_FOUND)
    message = condition_of(found, "Accepted")["message"]
    assert message == "there is no ConfigMap settings (spec.env[KEY])"
    assert not condition_of(found, "Stalled")
    assert await namespace.read_all("StatefulSet") == []

    await namespace.apply(make_config("settings", other="1"))
    words = "ConfigMap settings has no key api (spec.env[KEY])"
    names_the_key = Predicate(
        words, lambda item: item is not None and condition_of(item, "Accepted")["message"] == words
    )
    await namespace.until("MCPWorkload", "weather", names_the_key)

    await namespace.apply(make_config("settings", api="1"))
    await namespace.until("MCPWorkload", "weather", is_ready())


@pytest.mark.parametrize(
    "name",
    [
        # One of that name is in every namespace.
        pytest.param("../../default/configmaps/kube-root-ca.crt", id="elsewhere"),
        pytest.param("x?watch=true", id="another request"),
        pytest.param("x" * 40_000, id="longer than a condition"),
    ],
)
async def test_a_name_leads_nowhere_but_to_an_object_of_the_namespace(
    namespace: Namespace, name: str
) -> None:
    """The operator asks with its own rights, so it asks for nothing else."""
    await namespace.apply(make_running_workload(envFrom=[{"configMapRef": {"name": name}}]))

    found = await namespace.until("MCPWorkload", "weather", NOT_FOUND)
    message = condition_of(found, "Accepted")["message"]
    assert message.startswith(f"there is no ConfigMap {name}"[:1000])


async def test_an_optional_reference_is_not_missed(namespace: Namespace) -> None:
    """And its arrival rolls the pods, which else would not see it."""
    env = read_key("configMapKeyRef", "settings", optional=True)
    await namespace.settle(make_running_workload(env=env))
    before = await digest_in(namespace)

    await namespace.apply(make_config("settings", api="1"))

    await namespace.until("StatefulSet", "weather", differs(before))
    await namespace.until("MCPWorkload", "weather", is_ready())


async def test_content_rolls_the_pods_once_and_nothing_else_does(
    namespace: Namespace, audit: AuditLog
) -> None:
    """One apply of the StatefulSet for one change; none for a label or a key nobody reads."""
    await namespace.apply(make_config("settings", api="1"))
    env = read_key("configMapKeyRef", "settings")
    await namespace.settle(make_running_workload(env=env, imagePullSecrets=[{"name": "pull"}]))
    before, pod = await digest_in(namespace), await namespace.get("Pod", "weather-0")
    audit = await quiet(audit)

    labels = {"metadata": {"labels": {"team": "sky"}, "annotations": {"x": "y"}}}
    await namespace.patch("ConfigMap", "settings", {**labels, "data": {"other": "1"}})
    await namespace.create(make_secret("pull", x="1"))
    await asyncio.sleep(QUIET_SECONDS)
    assert audit.count(namespace.name) == {}

    await namespace.patch("ConfigMap", "settings", {"data": {"api": "2"}})
    await namespace.until("StatefulSet", "weather", differs(before))
    is_new = Predicate(
        "is a new pod, ready",
        lambda item: (
            item is not None
            and item["metadata"]["uid"] != pod["metadata"]["uid"]
            and item["status"].get("containerStatuses", [{}])[0].get("ready") is True
        ),
    )
    await namespace.until("Pod", "weather-0", is_new)
    await namespace.until("MCPWorkload", "weather", is_ready())
    await asyncio.sleep(QUIET_SECONDS)
    count = audit.count(namespace.name)
    assert count["patch statefulsets"] == 1
    assert set(count) == {"patch statefulsets", "patch mcpworkloads/status"}


async def test_without_rights_on_secrets_it_says_what_it_cannot_know(
    namespace: Namespace, audit: AuditLog
) -> None:
    """The workload works; a changed Secret is not noticed."""
    await namespace.create(make_secret("weather-key", api="1"))
    env = read_key("secretKeyRef", "weather-key")
    workload = await namespace.settle(make_running_workload(env=env))
    assert "not allowed to read Secrets" in condition_of(workload, "Accepted")["message"]
    assert await digest_in(namespace) is None
    audit = await quiet(audit)

    await namespace.apply(make_secret("weather-key", api="2"))
    await asyncio.sleep(QUIET_SECONDS)

    assert audit.count(namespace.name) == {}


@pytest.mark.usefixtures("_rights_on_secrets")
async def test_with_rights_secrets_are_followed_and_stay_secret(
    namespace: Namespace, operator: OperatorProcess
) -> None:
    """Missing, there, changed; no value is in the status or in the log."""
    workload = make_running_workload(env=read_key("secretKeyRef", "weather-key"))
    await namespace.apply(workload)
    found = await namespace.until("MCPWorkload", "weather", NOT_FOUND)
    message = condition_of(found, "Accepted")["message"]
    assert message == "there is no Secret weather-key (spec.env[KEY])"

    await namespace.create(make_secret("weather-key", api="swordfish-1"))
    await namespace.until("MCPWorkload", "weather", is_ready())
    before = await digest_in(namespace)
    await namespace.apply(make_secret("weather-key", api="swordfish-2"))
    await namespace.until("StatefulSet", "weather", differs(before))

    found = await namespace.until("MCPWorkload", "weather", is_ready())
    assert "swordfish" not in str(found["status"])
    assert "swordfish" not in operator.words()


@pytest.mark.usefixtures("_rights_on_secrets")
async def test_a_restart_of_the_operator_writes_nothing(
    namespace: Namespace, audit: AuditLog, operator: OperatorProcess
) -> None:
    """Looks wait until what pods read is known, and find the digest that was there before."""
    await namespace.apply(make_config("settings", api="1"))
    await namespace.create(make_secret("weather-key", api="1"))
    env_from = [{"secretRef": {"name": "weather-key"}}]
    env = read_key("configMapKeyRef", "settings")
    await namespace.settle(make_workload(env=env, envFrom=env_from))
    assert await digest_in(namespace)
    operator.stop()
    audit = audit.from_now()

    operator.start_leading()
    await namespace.settle(make_workload("other"))
    await asyncio.sleep(QUIET_SECONDS)

    assert {write.name for write in audit.writes(namespace.name)} == {"other"}
