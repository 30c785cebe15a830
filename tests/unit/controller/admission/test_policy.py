"""
What a final template may hold, whatever made it: our own rules, and its shape.

The rules of the Pod Security Standards have a file of their own, and so has who is named.
"""

from typing import Any

import pytest

from mcpworkload.api import names
from mcpworkload.controller.admission.policy import check_template
from mcpworkload.controller.desired import Policy, build_children
from mcpworkload.controller.settings import PodSecurity
from tests.support.parsed import make_workload
from tests.support.templates import INIT, WIDEST, build, denial, put

TOKEN = {"sources": [{"configMap": {"name": "x"}}, {"serviceAccountToken": {"path": "t"}}]}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(
            "/spec/containers/0/name",
            "server",
            'pod template /spec/containers/0/name: found "server"; leave the server\'s container '
            "mcp first, and put others after it or among initContainers",
            id="the server renamed",
        ),
        pytest.param(
            "/metadata/finalizers",
            ["example.com/x"],
            "pod template /metadata/finalizers: found a list; leave it out: every pod would get "
            "them, and never end",
            id="finalizers",
        ),
        *(
            pytest.param(
                f"/metadata/{field}",
                "x",
                f'pod template /metadata/{field}: found "x"; leave it out: a template has labels '
                "and annotations only",
                id=field,
            )
            for field in ("name", "generateName", "namespace", "ownerReferences", "uid")
        ),
        pytest.param(
            "/spec/nodeName",
            "node-1",
            'pod template /spec/nodeName: found "node-1"; write a nodeSelector or an affinity',
            id="nodeName",
        ),
        pytest.param(
            "/spec/priorityClassName",
            "system-node-critical",
            '/spec/priorityClassName: found "system-node-critical"; take another class',
            id="system priority",
        ),
        pytest.param(
            "/spec/ephemeralContainers",
            [{"name": "debug"}],
            "/spec/ephemeralContainers: found a list; use initContainers or containers",
            id="ephemeral containers",
        ),
        pytest.param(
            "/spec/volumes",
            [{"name": "token", "projected": TOKEN}],
            "pod template /spec/volumes/0/projected/sources/1/serviceAccountToken/audience: found "
            "nothing; write the token's audience, such as vault; spec.automountServiceAccountToken"
            " gives the server a token for the API server",
            id="a projected token",
        ),
        pytest.param(
            "/metadata/labels/mcpworkload.dev~1workload",
            "other",
            "pod template /metadata/labels/mcpworkload.dev~1workload: found a text; write weather:"
            " keys under mcpworkload.dev/ are the operator's",
            id="the label that selects",
        ),
        pytest.param(
            "/metadata/labels",
            {},
            "pod template /metadata/labels/mcpworkload.dev~1workload: found nothing; write weather",
            id="no label that selects",
        ),
        pytest.param(
            "/metadata/labels/mcpworkload.dev~1isolated",
            "no",
            "pod template /metadata/labels/mcpworkload.dev~1isolated: found a text; leave it out",
            id="a label of ours",
        ),
        pytest.param(
            "/metadata/annotations/x.mcpworkload.dev~1y",
            "z",
            "pod template /metadata/annotations/x.mcpworkload.dev~1y: found a text; leave it out",
            id="an annotation of ours",
        ),
    ],
)
def test_ours_holds_at_the_widest_setting(path: str, value: Any, message: str) -> None:
    """Path in the template, finding and remedy."""
    assert message in denial(put(build(), path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("/metadata/creationTimestamp", None, id="as Go writes it"),
        pytest.param("/metadata/labels/app.kubernetes.io~1name", "x", id="a recommended label"),
        pytest.param("/metadata/labels/team", "sky", id="another label"),
        pytest.param("/metadata/annotations", None, id="no annotations"),
        pytest.param("/spec/nodeName", "", id="no node"),
        pytest.param("/spec/priorityClassName", "high", id="a priority"),
        pytest.param("/spec/ephemeralContainers", [], id="no ephemeral containers"),
        pytest.param("/spec/initContainers", None, id="no init containers"),
        pytest.param(
            "/spec/volumes",
            [{"name": "v", "projected": {"sources": [{"secret": {"name": "x"}}]}}],
            id="a projected secret",
        ),
        pytest.param("/spec/hostNetwork", True, id="what privileged allows"),
    ],
)
def test_the_widest_setting_allows(path: str, value: Any) -> None:
    """Everything that Kubernetes lets be."""
    check_template(put(build(), path, value), build(), (), WIDEST)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param(put(build(), "/spec", None), "/spec/containers: found nothing", id="no spec"),
        pytest.param(put(build(), "/spec", []), "/spec: found an empty list", id="spec a list"),
        pytest.param(put(build(), "/metadata", "x"), '/metadata: found "x"', id="metadata a text"),
        pytest.param(
            put(build(), "/spec/containers", []),
            "/spec/containers: found an empty list; write a list of containers",
            id="no containers",
        ),
        pytest.param(
            put(build(), "/spec/containers", {"a": 1}),
            "/spec/containers: found a mapping; write a list",
            id="containers a mapping",
        ),
        pytest.param(
            put(build(), "/spec/containers/0", 7),
            "/spec/containers/0: found 7; write a mapping",
            id="a container that is none",
        ),
        pytest.param(
            put(build(), "/spec/initContainers/0/name", 7),
            "/spec/initContainers/0/name: found 7; write text",
            id="a name that is none",
        ),
        pytest.param(
            put(build(), "/spec/volumes", [{"emptyDir": {}}]),
            "/spec/volumes/0/name: found nothing; write a name that no other has",
            id="a volume without name",
        ),
        pytest.param(
            put(build(), "/spec/initContainers", [INIT, INIT]),
            '/spec/initContainers/1/name: found "init"; write a name that no other has',
            id="a name twice",
        ),
        pytest.param(
            put(build(), "/spec/initContainers", [{**INIT, "name": names.CONTAINER}]),
            '/spec/containers/0/name: found "mcp"; write a name that no other has',
            id="a name in both lists",
        ),
        pytest.param(
            put(build(), "/metadata/labels/team", True),
            "/metadata/labels/team: found true; write text, in quotes if it looks like",
            id="a label that is no text",
        ),
        pytest.param(
            put(build(), "/metadata/annotations/x", None),
            "/metadata/annotations/x: found nothing; write text",
            id="an annotation of null",
        ),
        pytest.param(
            put(build(), "/spec/priorityClassName", ["x"]),
            "/spec/priorityClassName: found a list; write text",
            id="a class that is none",
        ),
    ],
)
def test_what_is_no_template_is_refused_too(template: Any, message: str) -> None:
    """Without an operation to blame it is the policy that says so."""
    assert f"pod template {message}" in denial(template)


@pytest.mark.parametrize(
    ("policy", "path", "value"),
    [
        (PodSecurity.BASELINE, "/spec/hostNetwork", True),
        (PodSecurity.RESTRICTED, "/spec/hostNetwork", True),
        (PodSecurity.RESTRICTED, "/spec/securityContext/runAsUser", 0),
    ],
)
def test_the_setting_chooses_the_rules(policy: PodSecurity, path: str, value: Any) -> None:
    """Each level forbids what the one below it does."""
    template = put(build(), path, value)
    wider = list(PodSecurity)[list(PodSecurity).index(policy) + 1 :]

    assert path in denial(template, policy=Policy(policy))
    if path.endswith("runAsUser"):
        for setting in wider:
            check_template(template, build(), (), Policy(setting))


def test_all_findings_are_reported_at_once_up_to_a_limit() -> None:
    """A condition stays readable."""
    template = build()
    template["spec"].update(hostNetwork=True, hostPID=True, nodeName="x")
    for number in range(4):
        template["metadata"][f"odd{number}"] = "x"

    message = denial(template, policy=Policy())

    assert message.count("pod template") == 5
    assert message.endswith("; and 2 more")


def test_a_patch_reaches_the_statefulset_and_nothing_else() -> None:
    """Applied last, over what the spec's fields made."""
    spec: dict[str, Any] = {"env": [{"name": "A", "value": "1"}]}
    operations = [
        {"op": "test", "path": "/spec/containers/0/name", "value": "mcp"},
        {"op": "add", "path": "/spec/nodeSelector", "value": {"disk": "ssd"}},
        {"op": "add", "path": "/spec/containers/0/env/-", "value": {"name": "B", "value": "2"}},
        {"op": "add", "path": "/metadata/annotations/example.com~1x", "value": "y"},
    ]
    service, statefulset = build_children(make_workload(**spec))
    patched_service, patched = build_children(make_workload(**spec, podTemplatePatch=operations))

    expected = put(statefulset.manifest["spec"]["template"], "/spec/nodeSelector", {"disk": "ssd"})
    expected["spec"]["containers"][0]["env"].append({"name": "B", "value": "2"})
    expected["metadata"]["annotations"]["example.com/x"] = "y"
    assert patched.manifest["spec"]["template"] == expected
    assert patched_service == service
    assert patched.digest != statefulset.digest


def test_building_twice_shares_nothing_with_the_operations() -> None:
    """The values of the patch belong to the body they were parsed from."""
    workload = make_workload(
        podTemplatePatch=[{"op": "add", "path": "/spec/nodeSelector", "value": {"a": "b"}}]
    )
    first = build_children(workload)[1].manifest["spec"]["template"]["spec"]
    first["nodeSelector"]["a"] = "changed"

    second = build_children(workload)[1].manifest["spec"]["template"]["spec"]

    assert second["nodeSelector"] == {"a": "b"}
