"""What the API server's refusals mean: worth a retry, or not."""

import pytest

from mcpworkload.kube.client import kind_of
from mcpworkload.kube.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Refused,
    Unavailable,
)


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
