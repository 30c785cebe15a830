"""What the API server's refusals mean: worth a retry, or not."""

import json

import pytest

from mcpworkload.kube.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    NamespaceEnding,
    NotFound,
    Refused,
    Unavailable,
    error_of,
    kind_of,
    read_answer,
)
from mcpworkload.kube.objects import Partial


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        pytest.param(400, "bad", Refused, id="bad request"),
        pytest.param(401, "", Unavailable, id="an expired token"),
        pytest.param(403, "", Forbidden, id="forbidden"),
        pytest.param(404, "", NotFound, id="not found"),
        pytest.param(409, "", Conflict, id="conflict"),
        pytest.param(410, "", Gone, id="gone"),
        pytest.param(422, "", Refused, id="invalid"),
        pytest.param(429, "", Unavailable, id="too many requests"),
        pytest.param(500, "etcdserver: leader changed", Unavailable, id="a real internal error"),
        pytest.param(
            500,
            "failed to create typed patch object (a/b; apps/v1, Kind=StatefulSet): "
            ".spec.template.spec.nodeSelektor: field not declared in schema",
            Refused,
            id="an unknown field in an apply",
        ),
        pytest.param(
            500,
            "failed to convert new object (a/b; apps/v1, Kind=StatefulSet) to proper version: "
            "cannot convert float64 to int64",
            Refused,
            id="a fraction for a whole number in an apply",
        ),
        pytest.param(503, "", Unavailable, id="unavailable"),
    ],
)
def test_kinds(status: int, message: str, kind: type[ApiError]) -> None:
    """A body that can't be read as its type is answered with 500, and a retry cannot help."""
    assert kind_of(status, message) is kind


def test_what_the_api_server_wrote_is_kept_beside_the_message() -> None:
    """For the one who sent the request; conditions and logs get the message."""
    causes = [{"reason": "FieldValueInvalid", "field": "spec.image"}]
    content = {"message": "is invalid", "reason": "Invalid", "details": {"causes": causes}}
    error = error_of(422, json.dumps(content).encode(), 3.0)

    assert isinstance(error, Refused)
    assert (str(error), error.status, error.retry_after) == ("is invalid", 422, 3.0)
    assert error.answer.reason == "Invalid"
    assert [cause.field for cause in error.answer.causes] == ["spec.image"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "HTTP 503"), (b"away", "away"), (b"[]", "[]"), (b'{"message": ""}', "HTTP 503")],
)
def test_an_answer_without_words_has_its_status(content: bytes, words: str) -> None:
    """Whatever stands between us and the API server may answer, too."""
    assert str(error_of(503, content)) == words


def test_a_namespace_that_ends_is_no_missing_right() -> None:
    """Nothing is to be done about it."""
    content = {"message": "no", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}
    assert isinstance(error_of(403, json.dumps(content).encode()), NamespaceEnding)


@pytest.mark.parametrize("content", [b"", b'{"metadata": {"uid"', b"<html>", b'{"metadata": 5}'])
def test_a_response_that_cannot_be_read_is_none(content: bytes) -> None:
    """A proxy may have cut it off: the request is repeated as if nothing had come."""
    with pytest.raises(Unavailable, match="response cannot be read"):
        read_answer(content, Partial)

    assert read_answer(b'{"metadata": {"uid": "1"}}', Partial).metadata.uid == "1"
