"""Which ConfigMaps and Secrets a pod template reads, and how their place is called."""

from copy import deepcopy
from typing import Any

import pytest

from mcpworkload.api import names
from mcpworkload.controller.desired import build_draft
from mcpworkload.controller.references import (
    Absence,
    describe_missing,
    digest_content,
    digest_references,
)
from tests.support.parsed import make_workload


def references_of(**spec: Any) -> list[tuple[str, str, bool, str]]:
    """Object, key, whether optional, and field of each reference, in order."""
    draft = build_draft(make_workload(**spec))
    return [(str(each.object), each.key, each.is_optional, each.field) for each in draft.references]


def variable(source: str, **reference: Any) -> dict[str, Any]:
    """A variable KEY that is read from somewhere."""
    return {"name": "KEY", "valueFrom": {source: {"name": "x", "key": "a", **reference}}}


def mounted(**volume: Any) -> dict[str, Any]:
    """The fields of a spec that mount a volume v."""
    return {
        "volumes": [{"name": "v", **volume}],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }


HELPER = {"name": "log", "image": "log:1", "env": [variable("secretKeyRef")]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param(
            {"env": [variable("configMapKeyRef")]},
            [("ConfigMap x", "a", False, "spec.env[KEY]")],
            id="env from a ConfigMap",
        ),
        pytest.param(
            {"env": [variable("secretKeyRef", optional=True)]},
            [("Secret x", "a", True, "spec.env[KEY]")],
            id="env from an optional Secret",
        ),
        pytest.param(
            {"env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
            [],
            id="env from the pod itself",
        ),
        pytest.param(
            {"envFrom": [{"configMapRef": {"name": "x"}}, {"secretRef": {"name": "y"}}]},
            [
                ("ConfigMap x", "", False, "spec.envFrom[0]"),
                ("Secret y", "", False, "spec.envFrom[1]"),
            ],
            id="envFrom",
        ),
        pytest.param(
            {"sidecars": [HELPER]},
            [("Secret x", "a", False, "spec.sidecars[log].env[KEY]")],
            id="a native sidecar",
        ),
        pytest.param(
            {"sidecars": [{**HELPER, "restartPolicy": "Never"}]},
            [("Secret x", "a", False, "spec.sidecars[log].env[KEY]")],
            id="an ordinary sidecar",
        ),
        pytest.param(
            {"initContainers": [HELPER]},
            [("Secret x", "a", False, "spec.initContainers[log].env[KEY]")],
            id="an init container",
        ),
        pytest.param(
            mounted(configMap={"name": "x", "optional": True}),
            [("ConfigMap x", "", True, "spec.volumes[v]")],
            id="a whole ConfigMap",
        ),
        pytest.param(
            mounted(secret={"secretName": "x", "items": [{"key": "a", "path": "f"}]}),
            [("Secret x", "a", False, "spec.volumes[v]")],
            id="items of a Secret",
        ),
        pytest.param(
            mounted(
                projected={
                    "sources": [
                        {"secret": {"name": "x"}},
                        {"configMap": {"name": "y", "items": [{"key": "b", "path": "f"}]}},
                        {"downwardAPI": {"items": []}},
                    ]
                }
            ),
            [
                ("Secret x", "", False, "spec.volumes[v]"),
                ("ConfigMap y", "b", False, "spec.volumes[v]"),
            ],
            id="a projected volume",
        ),
        pytest.param(
            {"volumes": [{"name": "v", "secret": {"secretName": "x"}}]},
            [],
            id="a volume that nobody mounts",
        ),
        pytest.param({"imagePullSecrets": [{"name": "x"}]}, [], id="pull secrets"),
        pytest.param(
            {
                "podTemplatePatch": [
                    {
                        "op": "add",
                        "path": "/spec/containers/0/env/0",
                        "value": variable("secretKeyRef"),
                    }
                ]
            },
            [
                (
                    "Secret x",
                    "a",
                    False,
                    "pod template /spec/containers/0/env/0/valueFrom/secretKeyRef",
                )
            ],
            id="added by a patch",
        ),
        pytest.param(
            {
                "env": [variable("secretKeyRef")],
                "podTemplatePatch": [
                    {"op": "add", "path": "/spec/shareProcessNamespace", "value": True}
                ],
            },
            [("Secret x", "a", False, "spec.env[KEY]")],
            id="left alone by a patch",
        ),
        pytest.param(
            {
                "envFrom": [{"secretRef": {"name": "x"}}],
                "podTemplatePatch": [{"op": "remove", "path": "/spec/containers/0/envFrom"}],
            },
            [],
            id="removed by a patch",
        ),
        pytest.param(
            {
                "podTemplatePatch": [
                    {"op": "add", "path": "/spec/containers/0/envFrom", "value": ["nonsense"]}
                ]
            },
            [],
            id="not readable",
        ),
    ],
)
def test_every_place_is_found(
    spec: dict[str, Any], expected: list[tuple[str, str, bool, str]]
) -> None:
    """By the name that the author of the spec knows it by."""
    assert references_of(**spec) == expected


@pytest.mark.parametrize("annotations", [{"a": "b"}, {}, None])
def test_the_digest_is_added_to_whatever_annotations_there_are(
    annotations: dict[str, str] | None,
) -> None:
    """A patch may have left none; without a digest the template is what it was."""
    operation = {"op": "add", "path": "/metadata/annotations", "value": annotations}
    draft = build_draft(make_workload(podTemplatePatch=[operation]))

    template = draft.with_digest("0123456789")

    expected = {**(annotations or {}), names.REFERENCES_ANNOTATION: "0123456789"}
    assert template["metadata"]["annotations"] == expected
    assert draft.template["metadata"]["annotations"] == annotations
    assert draft.with_digest(None) is draft.template


FILES: dict[str, dict[str, Any]] = {
    "a ConfigMap": {"configMap": {"name": "x"}},
    "a Secret": {"secret": {"secretName": "x"}},
    "a projected ConfigMap": {"projected": {"sources": [{"configMap": {"name": "x"}}]}},
    "a projected Secret": {"projected": {"sources": [{"secret": {"name": "x"}}]}},
}
ITEMS = [{"key": "a", "path": "one"}, {"key": "b", "path": "folder/two"}, {"key": "b", "path": "b"}]
# By which mounts which of the keys a, b, c are seen, without items and with them.
MOUNTS: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "all of it": ([{}], "abc", "ab"),
    "an empty part": ([{"subPath": ""}], "abc", "ab"),
    "a dot": ([{"subPath": "./"}], "abc", "ab"),
    "a key": ([{"subPath": "a"}], "a", ""),
    "a key, not in its plainest spelling": ([{"subPath": "./a/"}], "a", ""),
    "below a key": ([{"subPath": "b/x"}], "b", ""),
    "the path of an item": ([{"subPath": "one"}], "", "a"),
    "an item in a folder": ([{"subPath": "folder/two"}], "", "b"),
    "a folder of items": ([{"subPath": "folder"}], "", "b"),
    "what begins like a path": ([{"subPath": "fold"}], "", ""),
    "one key of two paths": ([{"subPath": "b"}], "b", "b"),
    "two keys": ([{"subPath": "a"}, {"subPath": "c"}], "ac", ""),
    "a key, and all of it": ([{"subPath": "a"}, {}], "abc", "ab"),
    "what varies": ([{"subPathExpr": "$(POD)"}], "abc", "ab"),
    "the links of Kubernetes": ([{"subPath": "..data/a"}], "abc", "ab"),
    "what is not there": ([{"subPath": "z"}], "", ""),
}


def seen_keys(spec: dict[str, Any]) -> str:
    """The keys of x whose change replaces the pods."""
    references = build_draft(make_workload(**spec)).references
    objects = {reference.object for reference in references}
    values = {"a": "1", "b": "2", "c": "3"}

    def digest(values: dict[str, str]) -> str | None:
        content = digest_content("uid", values)
        return digest_references(references, dict.fromkeys(objects, content))

    return "".join(key for key in values if digest({**values, key: "9"}) != digest(values))


@pytest.mark.parametrize("place", ["server", "sidecars", "initContainers"])
@pytest.mark.parametrize("volume", FILES.values(), ids=FILES)
@pytest.mark.parametrize(("mounts", "all_keys", "item_keys"), MOUNTS.values(), ids=MOUNTS)
def test_of_what_is_mounted_by_parts_the_parts_count(
    mounts: list[dict[str, Any]], all_keys: str, item_keys: str, volume: dict[str, Any], place: str
) -> None:
    """Whichever container mounts them, of whatever kind of volume."""
    entries = [{"name": "v", "mountPath": f"/{index}", **each} for index, each in enumerate(mounts)]
    container = {"name": "log", "image": "log:1", "volumeMounts": entries}
    where = {"volumeMounts": entries} if place == "server" else {place: [container]}

    assert seen_keys({"volumes": [{"name": "v", **volume}], **where}) == all_keys
    with_items = deepcopy(volume)
    for source in with_items.get("projected", {}).get("sources", [with_items]):
        next(iter(source.values()))["items"] = ITEMS
    assert seen_keys({"volumes": [{"name": "v", **with_items}], **where}) == item_keys


def test_mounts_of_several_containers_add_up() -> None:
    """One reads a key, the other one another."""
    helper = {"name": "log", "image": "log:1"}
    spec: dict[str, Any] = {
        "volumes": [{"name": "v", "configMap": {"name": "x"}}],
        "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a"}],
        "sidecars": [
            {**helper, "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "b"}]}
        ],
    }

    assert seen_keys(spec) == "ab"


@pytest.mark.parametrize(
    ("part", "items", "missing"),
    [
        pytest.param("z", [], "", id="the kubelet makes a folder of what is no key"),
        pytest.param("z", [{"key": "z", "path": "z"}], "no key z", id="an item"),
        pytest.param("a", [{"key": "z", "path": "z"}], "no key z", id="an item that is not seen"),
    ],
)
def test_what_has_to_be_there_does_not_depend_on_what_is_seen(
    part: str, items: list[dict[str, Any]], missing: str
) -> None:
    """A volume is made as a whole, or not at all."""
    spec: dict[str, Any] = {
        "volumes": [{"name": "v", "configMap": {"name": "x", "items": items}}],
        "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": part}],
    }
    references = build_draft(make_workload(**spec)).references
    content = digest_content("uid", {"a": "1"})

    found = describe_missing(references, {references[0].object: content})

    assert missing in found
    assert bool(found) == bool(missing)
    absent = describe_missing(references, {references[0].object: Absence.MISSING})
    assert "there is no ConfigMap x (spec.volumes[v])" in absent


# As they were before parts were looked at: another digest would replace everybody's pods.
KEPT = {
    "whole": (mounted(configMap={"name": "x"}), "39d5b624a3"),
    "items": (
        mounted(secret={"secretName": "x", "items": [{"key": "a", "path": "p"}]}),
        "d601d30708",
    ),
    "variable": ({"env": [variable("secretKeyRef")]}, "d601d30708"),
    "projected": (mounted(projected={"sources": [{"configMap": {"name": "x"}}]}), "39d5b624a3"),
}


@pytest.mark.parametrize(("spec", "digest"), KEPT.values(), ids=KEPT)
def test_digests_without_parts_are_those_of_old(spec: dict[str, Any], digest: str) -> None:
    """An upgrade of the operator replaces no pods."""
    references = build_draft(make_workload(**spec)).references
    content = digest_content("uid", {"a": "1", "b": "2"})

    found = digest_references(references, {each.object: content for each in references})

    assert found == digest
