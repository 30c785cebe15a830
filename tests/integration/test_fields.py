"""
Every field of the spec against a real API server.

What the builders make of good specs is sent as a dry run, so no pod starts; what the CRD makes
of bad ones is compared with the operator's own judgement in `tests/unit/models`.
"""

from copy import deepcopy
from typing import Any

import pytest

from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import (
    Surroundings,
    build_children,
    build_draft,
    find_forbidden,
)
from mcpworkload.controller.plan.drift import first_difference
from mcpworkload.controller.plan.replacement import find_replacement
from tests.support import specs
from tests.support.api import APPLY, Api, RequestFailed
from tests.support.bridged import POLICY
from tests.support.kinds import Manifest, path_of
from tests.support.manifests import make_object, make_workload
from tests.support.namespace import Namespace
from tests.support.predicates import exists, is_gone

UID = "0b9c0000-0000-4000-8000-000000000000"
CLAIMS = specs.STORAGE["volumeClaimTemplates"]


async def dry_apply(api: Api, manifest: Manifest) -> Manifest:
    """What the API server would store."""
    metadata = manifest["metadata"]
    path = path_of(manifest["kind"], metadata["namespace"], metadata["name"])
    query = {"dryRun": "All", "fieldManager": "mcpworkload", "fieldValidation": "Strict"}
    return await api.request("PATCH", path, manifest, APPLY, query)


@pytest.mark.parametrize("spec", specs.SPECS.values(), ids=specs.SPECS)
async def test_what_is_built_is_accepted_and_no_drift(
    namespace: Namespace, spec: dict[str, Any]
) -> None:
    """Defaults that the API server adds are not taken for somebody's change."""
    body = make_workload(**{"replicas": 1, **spec})
    body["metadata"] |= {"namespace": namespace.name, "uid": UID}
    workload = Workload.parse(body)
    draft = build_draft(workload, POLICY, Surroundings(proxy_address="10.96.3.1"))
    for child in build_children(workload, POLICY, draft.template, draft.grants):
        stored = await dry_apply(namespace.api, child.manifest)

        assert first_difference(child.manifest["spec"], stored["spec"], "spec") is None
        if child.id.kind == "StatefulSet":
            template = child.manifest["spec"]["template"]
            assert find_forbidden(stored["spec"]["template"], template, POLICY) == ()
            assert find_replacement("weather", child.manifest["spec"], stored["spec"]) is None


@pytest.mark.parametrize("spec", specs.SPECS.values(), ids=specs.SPECS)
async def test_good_specs_are_accepted(namespace: Namespace, spec: dict[str, Any]) -> None:
    """The CRD knows every field."""
    await namespace.create(make_workload(**spec), dry_run=True)


def change(path: tuple[Any, ...], value: Any) -> list[Manifest]:
    """The claim templates with another value at *path*; None takes what is there out."""
    claims: list[Manifest] = deepcopy(CLAIMS)
    place: Any = claims
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return [
        {**claim, "spec": {key: part for key, part in claim["spec"].items() if part is not None}}
        for claim in claims
    ]


@pytest.mark.parametrize(
    ("claims", "is_accepted"),
    [
        pytest.param(CLAIMS, True, id="the same"),
        pytest.param(CLAIMS[::-1], True, id="another order"),
        pytest.param(
            change((0, "spec", "resources", "requests", "storage"), "5Gi"), True, id="a larger one"
        ),
        # As large as the StatefulSet's, say, when the class has refused a growth before.
        pytest.param(
            change((0, "spec", "resources", "requests", "storage"), "1Mi"), True, id="a smaller one"
        ),
        pytest.param(change((0, "spec", "storageClassName"), "slow"), False, id="another class"),
        pytest.param(change((0, "spec", "storageClassName"), None), False, id="no class"),
        pytest.param(change((0, "metadata", "labels"), {"a": "b"}), False, id="other labels"),
        pytest.param(change((0, "metadata", "name"), "other"), False, id="another name"),
        pytest.param(CLAIMS[:1], False, id="one less"),
        pytest.param(None, False, id="none"),
    ],
)
async def test_claim_templates_stay_as_they_are(
    namespace: Namespace, claims: list[Manifest] | None, is_accepted: bool
) -> None:
    """But for the request, which the operator judges; the message says so."""
    await namespace.apply(make_workload(volumeClaimTemplates=CLAIMS))
    changed = make_workload(volumeClaimTemplates=claims)
    metadata = {"name": "weather", "namespace": namespace.name}
    path = path_of("MCPWorkload", namespace.name, "weather")
    query = {"dryRun": "All", "fieldManager": "author", "force": "true"}

    request = namespace.api.request("PATCH", path, {**changed, "metadata": metadata}, APPLY, query)
    if is_accepted:
        await request
        return
    with pytest.raises(RequestFailed, match=r"only spec\.resources\.requests\.storage may grow"):
        await request


async def test_a_typo_deep_inside_is_named(namespace: Namespace) -> None:
    """As `kubectl apply` asks for by default."""
    mounts = [{"name": "a", "mountPath": "/a", "subpath": "b"}]
    workload = make_workload(sidecars=[{"name": "a", "image": "a", "volumeMounts": mounts}])
    workload["metadata"]["namespace"] = namespace.name

    with pytest.raises(RequestFailed, match=r"sidecars.*volumeMounts.*\.subpath"):
        await dry_apply(namespace.api, workload)


def parts_of(word: str, number: int) -> dict[str, Any]:
    """An entry for each list that has keys, and for those of a sidecar that both authors name."""
    mount = {"name": word, "mountPath": f"/{word}"}
    variable = {"name": word, "value": word}
    sidecar = {
        "name": "shared",
        "image": "a",
        "env": [variable],
        "ports": [{"containerPort": number}],
        "volumeMounts": [mount],
    }
    spread = {"topologyKey": word, "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    return {
        "env": [variable],
        "ports": [{"name": word, "port": number}],
        "sidecars": [sidecar],
        "initContainers": [{"name": word, "image": "a"}],
        "volumes": [{"name": word, "emptyDir": {}}],
        "volumeMounts": [mount],
        "imagePullSecrets": [{"name": word}],
        "topologySpreadConstraints": [spread],
        "hostAliases": [{"ip": f"10.0.0.{number}", "hostnames": [word]}],
    }


async def test_what_two_managers_apply_is_merged_by_key(namespace: Namespace) -> None:
    """Neither takes from the other, nor leaves anything behind when it gives up its part."""
    path = path_of("MCPWorkload", namespace.name, "weather")

    async def apply(manager: str, **spec: Any) -> Manifest:
        manifest = make_object("MCPWorkload", "weather", spec=spec)
        query = {"fieldManager": manager}
        stored: Manifest = (await namespace.api.request("PATCH", path, manifest, APPLY, query))[
            "spec"
        ]
        return stored

    needed = {"image": "a", "transport": {"type": "sse"}, "replicas": 0}
    first, second = parts_of("first", 1), parts_of("second", 2)
    await apply("one", **needed, **first)
    both = await apply("two", **second)

    shared = [both.pop("sidecars"), first.pop("sidecars"), second.pop("sidecars")]
    assert {field: both[field] for field in first} == {
        field: first[field] + second[field] for field in first
    }
    (sidecar,), (mine,), (theirs,) = shared
    for field in ("env", "volumeMounts"):
        assert sidecar[field] == mine[field] + theirs[field]
    assert [port["containerPort"] for port in sidecar["ports"]] == [1, 2]

    left = await apply("one", **needed)
    assert {field: left[field] for field in second} == second


async def test_children_come_and_go_with_the_fields_that_ask_for_them(namespace: Namespace) -> None:
    """The second Service and the budget are deleted when nobody asks for them any more."""
    asked: dict[str, Any] = {
        "service": {"type": "ClusterIP"},
        "disruptionBudget": {"maxUnavailable": 1},
    }
    await namespace.settle(make_workload(**asked))
    await namespace.until("Service", "weather-svc", exists())
    budget = await namespace.until("PodDisruptionBudget", "weather", exists())
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    kept = await namespace.get("Service", "weather")

    await namespace.settle(make_workload())

    await namespace.until("Service", "weather-svc", is_gone())
    await namespace.until("PodDisruptionBudget", "weather", is_gone())
    assert (await namespace.get("Service", "weather"))["metadata"]["uid"] == kept["metadata"]["uid"]
