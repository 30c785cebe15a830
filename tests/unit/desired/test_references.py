"""Which ConfigMaps and Secrets a pod template reads, and how their place is called."""

from typing import Any

import pytest

from mcpworkload import names
from mcpworkload.desired import build_draft
from tests.unit.builders import make_workload


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
