"""The API server's answers, as errors that say what to do."""

import json
from typing import Any

import pytest

from mcpworkload.kube import errors
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime import (
    RightsMissing,
    RuntimeUnavailable,
    WorkloadConflict,
    WorkloadError,
    WorkloadInvalid,
    WorkloadNotFound,
)
from mcpworkload.runtime.answers import forbidden, workload_error


def make_answer(message: str, kind: str = "", *fields: str) -> bytes:
    """A Status, as the API server sends it."""
    causes = [{"field": field} for field in fields]
    details = {"kind": kind, "causes": causes} if kind else None
    answer: dict[str, Any] = {"kind": "Status", "message": message, "details": details}
    return json.dumps(answer).encode()


def error_of(status: int, content: bytes, workload: str = "") -> WorkloadError:
    """The library's error for an HTTP answer."""
    return workload_error(errors.error_of(status, content), workload)


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (404, make_answer("not found", "mcpworkloads"), WorkloadNotFound),
        (404, make_answer("not found", "namespaces"), WorkloadInvalid),
        (404, b"404 page not found", RuntimeUnavailable),
        (401, make_answer("Unauthorized"), RightsMissing),
        (403, make_answer("may not"), RightsMissing),
        (409, make_answer("conflict with kubectl"), WorkloadConflict),
        (422, make_answer("is invalid", "MCPWorkload"), WorkloadInvalid),
        (400, make_answer("strict decoding error"), WorkloadInvalid),
        (405, make_answer("not here"), WorkloadInvalid),
        (413, b"too large", WorkloadInvalid),
        (415, make_answer("no such media type"), WorkloadInvalid),
        (429, make_answer("too many"), RuntimeUnavailable),
        (500, make_answer("etcdserver: leader changed"), RuntimeUnavailable),
        (503, b"", RuntimeUnavailable),
    ],
)
def test_each_answer_has_its_error(status: int, content: bytes, kind: type[WorkloadError]) -> None:
    """With the workload, and the API server's words where it has some."""
    error = error_of(status, content, "team/weather")

    assert type(error) is kind
    assert str(error).startswith("team/weather: ")
    assert error.workload == "team/weather"


def test_a_refused_field_is_named_once() -> None:
    """The API server repeats fields, and has words for none."""
    content = make_answer("is invalid", "MCPWorkload", "spec.image", "<nil>", "spec.image")
    error = error_of(422, content)

    assert isinstance(error, WorkloadInvalid)
    assert error.fields == ("spec.image",)


def test_a_field_that_an_older_crd_does_not_have_is_the_callers_to_leave_out() -> None:
    """Server-side apply answers it with 500: it must not look like an outage."""
    message = (
        "failed to create typed patch object (team/w; mcpworkload.dev/v1alpha1, "
        "Kind=MCPWorkload): .spec.permissionProfile: field not declared in schema"
    )
    error = error_of(500, make_answer(message), "team/w")

    assert isinstance(error, WorkloadInvalid)
    assert error.fields == ("spec.permissionProfile",)
    assert "install a newer CRD" in str(error)


def test_a_value_of_a_wrong_type_is_no_outage() -> None:
    """Server-side apply answers it with 500, too; no repetition would heal it."""
    message = (
        "failed to create typed patch object (team/w; mcpworkload.dev/v1alpha1, "
        "Kind=MCPWorkload): .spec.env[0].value: expected string, got &{1}"
    )
    error = error_of(500, make_answer(message), "team/w")

    assert isinstance(error, WorkloadInvalid)
    assert error.fields == ("spec.env[0].value",)


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (
            error_of(
                403,
                make_answer(
                    'pods "w-0" is forbidden: User "jo" cannot get resource "pods/log" in API '
                    'group "" in the namespace "team"'
                ),
            ),
            'a Role in namespace team with apiGroups: [""], resources: [pods/log], verbs: [get]',
        ),
        (
            error_of(
                403,
                make_answer(
                    'mcpworkloads.mcpworkload.dev is forbidden: User "jo" cannot list resource '
                    '"mcpworkloads" in API group "mcpworkload.dev" at the cluster scope'
                ),
            ),
            'a ClusterRole with apiGroups: ["mcpworkload.dev"], resources: [mcpworkloads], '
            "verbs: [list]",
        ),
        (
            # The API server's words do not come with the refusal of a WebSocket.
            forbidden(core_path("pods", "team", "w-0", "portforward")),
            'a Role in namespace team with apiGroups: [""], resources: [pods/portforward], '
            "verbs: [get, create]",
        ),
    ],
)
def test_a_refused_call_names_the_rule_that_is_missing(error: WorkloadError, rule: str) -> None:
    """Verb, resource and namespace, as they stand in a Role."""
    assert isinstance(error, RightsMissing)
    assert rule in error.advice
    assert "docs/library.md" in error.advice
