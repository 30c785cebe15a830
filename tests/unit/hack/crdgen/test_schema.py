"""From pydantic's JSON schema to a structural one: each translation, each refusal."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from hack.crdgen.schema import NotStructuralError, structural_schema
from mcpworkload.api.base import Embedded, KeyRule, Model, Needed, Rule, transition_rule

EVEN = Rule(message="write an even number", cel="self % 2 == 0", holds=lambda n: n % 2 == 0)
LOWER = KeyRule(message="write it in lower case", cel="key == key.lowerAscii()", holds=str.islower)

LOWER_ALL = KeyRule(message="write them in lower case", cel="key != ''", holds=str.islower)


class Leaf(Model):
    """A leaf."""

    mode: Annotated[Literal["A", "B"], Needed("write A or B")] = Field(description="Mode.")


class Tree(Model):
    """A tree."""

    leaf_count: Annotated[int, Field(ge=0), EVEN] | None = Field(default=None, description="Count.")
    leaf: Leaf = Field(description="One leaf.")
    words: Annotated[tuple[str, ...], Field(strict=False)] = Field(default=(), description="Words.")
    notes: Annotated[dict[str, str], Field(max_length=2), LOWER] = Field(
        default_factory=dict, description="Notes."
    )
    tall: bool = Field(default=False, description="Tall.")
    env: Annotated[
        list[dict[str, Any]],
        Embedded("Container.env", {"items": {"properties": {"name": {"minLength": 1}}}}),
    ] = Field(default_factory=list, description="Env.")


TREE_SCHEMA = {
    "description": "A tree.",
    "type": "object",
    "required": ["leaf"],
    "properties": {
        "leafCount": {
            "description": "Count.",
            "type": "integer",
            "minimum": 0,
            "x-kubernetes-validations": [
                {"rule": "self % 2 == 0", "message": "write an even number"}
            ],
        },
        "leaf": {
            "description": "One leaf.",
            "type": "object",
            "x-kubernetes-validations": [
                {
                    "rule": "has(self.mode)",
                    "message": "write A or B",
                    "reason": "FieldValueRequired",
                    "fieldPath": ".mode",
                }
            ],
            "properties": {"mode": {"description": "Mode.", "type": "string", "enum": ["A", "B"]}},
        },
        "words": {
            "description": "Words.",
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {"type": "string"},
        },
        "notes": {
            "description": "Notes.",
            "type": "object",
            "maxProperties": 2,
            "additionalProperties": {"type": "string"},
            "x-kubernetes-validations": [
                {
                    "rule": "self.all(key, key == key.lowerAscii())",
                    "message": "write it in lower case",
                }
            ],
        },
        "tall": {"description": "Tall.", "type": "boolean", "default": False},
    },
}


def test_a_model_becomes_structural() -> None:
    """Whole, but for the embedded part: aliases, rules, needed fields, scalar defaults."""
    schema = structural_schema(Tree, keep_defaults=True)
    schema["properties"].pop("env")

    assert schema == TREE_SCHEMA


def test_an_embedded_part_has_our_description_and_its_overlay() -> None:
    """Kubernetes' structure, our sentence on top, our constraint inside."""
    env = structural_schema(Tree, keep_defaults=True)["properties"]["env"]

    assert env["description"] == "Env."
    assert env["items"]["properties"]["name"] == {
        "description": "As in core/v1 EnvVar.name.",
        "type": "string",
        "minLength": 1,
    }


def test_defaults_can_be_left_out() -> None:
    """As in status, which the API server must not fill."""
    assert "default" not in structural_schema(Tree, keep_defaults=False)["properties"]["tall"]


class Untyped(Model):
    """Holds anything."""

    anything: dict[str, Any] = Field(description="Anything.")


class Either(Model):
    """Holds one or the other."""

    either: int | str = Field(description="Either.")


class Exotic(Model):
    """Uses a keyword that nobody has thought about."""

    even: int = Field(multiple_of=2, description="Even.")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(Untyped, "Untyped.anything is untyped: give it an Embedded", id="untyped"),
        pytest.param(Either, "Either.either has alternatives", id="alternatives"),
        pytest.param(Exotic, "Exotic.even uses multipleOf", id="unknown keyword"),
    ],
)
def test_what_a_crd_cannot_say_is_an_error(model: type[Model], message: str) -> None:
    """Nothing is dropped silently."""
    with pytest.raises(NotStructuralError, match=message):
        structural_schema(model, keep_defaults=True)


class Pair(Model):
    """A pair."""

    RULES = (
        Rule(
            message="write one of the two",
            cel="has(self.one) != has(self.other)",
            holds=lambda pair: (pair.one is None) != (pair.other is None),
        ),
        transition_rule("leave one as it was", "has(self.one) == has(oldSelf.one)", ".one"),
    )

    one: Annotated[int | str, Embedded("IntOrString")] | None = Field(
        default=None, description="One."
    )
    other: Annotated[dict[str, Any], LOWER_ALL, Embedded("PodSpec.nodeSelector")] | None = Field(
        default=None, description="Other."
    )


class Pairs(Model):
    """Two pairs."""

    first: Pair = Field(default_factory=Pair, description="First.")
    second: Pair | None = Field(default=None, description="Second.")


def test_rules_of_a_model_stand_wherever_it_is_used() -> None:
    """Once each, and before anything else that the place says."""
    fields = structural_schema(Pairs, keep_defaults=True)["properties"]

    rules = [
        {"rule": "has(self.one) != has(self.other)", "message": "write one of the two"},
        {
            "rule": "has(self.one) == has(oldSelf.one)",
            "message": "leave one as it was",
            "fieldPath": ".one",
        },
    ]
    assert [fields[name]["x-kubernetes-validations"] for name in ("first", "second")] == [rules] * 2
    assert fields["first"]["description"] == "First."


def test_an_embedded_part_may_be_a_substitute_and_keeps_its_rules() -> None:
    """A number or text is no alternative of types; a rule beside the marker is not lost."""
    fields = structural_schema(Pair, keep_defaults=True)["properties"]

    assert fields["one"] == {
        "description": "One.",
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    }
    assert fields["other"]["x-kubernetes-validations"] == [LOWER_ALL.as_validation()]


def test_a_rule_about_a_change_is_the_api_servers_alone() -> None:
    """The operator does not know what was there before."""
    assert Pair(one=1).one == 1
