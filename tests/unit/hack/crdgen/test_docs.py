"""The reference says of every field what it is, and of every reason what it means."""

import pytest

from hack.crdgen import docs
from mcpworkload.api.reasons import AcceptedReason, AvailableReason, ReadyReason, Reason
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.api.status import WorkloadStatus


def rows() -> dict[str, docs.Field]:
    """The fields of spec by path."""
    return {field.path: field for field in docs.fields(WorkloadSpec)}


@pytest.mark.parametrize("model", [WorkloadSpec, WorkloadStatus])
def test_every_field_of_a_model_has_a_row(model: type[WorkloadSpec] | type[WorkloadStatus]) -> None:
    """By the name it has in a manifest."""
    aliases = {info.alias for info in model.model_fields.values()}

    found = {field.path for field in docs.fields(model)}

    assert aliases <= found
    assert all(field.text and field.type for field in docs.fields(model))


def test_our_own_types_are_opened_and_those_of_kubernetes_named() -> None:
    """A list's entries by brackets, a mapping's fields by a dot."""
    found = rows()

    assert found["transport.port"].type == "integer, 1 to 65535"
    assert found["transport.port"].default == "`8080`"
    assert found["automountServiceAccountToken"].default == "`false`"
    assert found["ports[].protocol"].type == "`TCP`, `UDP`, `SCTP`"
    assert found["updateStrategy.rollingUpdate.maxUnavailable"].type == "integer or string"
    assert found["sidecars"].type == "as in core/v1 `PodSpec.initContainers`"
    assert found["podTemplatePatch[].value"].type == "any"
    assert not any(path.startswith(("sidecars[]", "env[]")) for path in found)


def test_every_rule_is_documented_at_its_field() -> None:
    """Those about several fields at the one that is to be changed."""
    text = docs.render_docs()

    for path, words in (
        ("metadata.name", "choose a name"),
        ("ports", "give each entry another port"),
        ("ports[].name", "write a name of at most 15"),
        ("sidecars", 'give the container another name than "mcp"'),
        ("volumeClaimTemplates", "leave the claim templates as they were"),
        ("updateStrategy.rollingUpdate", "leave rollingUpdate out"),
    ):
        assert f"\n| `{path}` | {words}" in text


def test_every_reason_has_a_row() -> None:
    """With the status that it goes with."""
    text = docs.render_docs()

    for words in (AcceptedReason, AvailableReason, ReadyReason, Reason):
        for reason in words:
            assert f"\n| `{reason}` | " in text


def test_a_reason_without_a_description_is_reported() -> None:
    """A new one cannot be forgotten."""
    with pytest.raises(TypeError, match="status"):

        class Bare(Reason):
            """Reasons of a condition."""

            NEW = "New"
