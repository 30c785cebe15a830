"""
The base class of the models, and markers that state a rule once for two readers.

A marker is part of a field's `Annotated`. The operator meets it as a pydantic validator, the CRD's
generator as a key of the JSON schema that pydantic writes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# Keys of our own in the JSON schema; the CRD's generator replaces them all.
EMBEDDED_KEY = "x-mcpworkload-embedded"
NEEDED_KEY = "x-mcpworkload-needed"
RULES_KEY = "x-kubernetes-validations"

# The type of the validation errors that carry a message of ours.
RULE_ERROR = "mcpworkload_rule"

# Numeric formats that the API server knows; without one it takes any size.
INT32: dict[str, JsonValue] = {"format": "int32"}
INT64: dict[str, JsonValue] = {"format": "int64"}
MAX_INT32 = 2**31 - 1


def refusal(
    message: str, culprit: str | None = None, field_path: str | None = None
) -> PydanticCustomError:
    """
    Return the error by which a validator refuses a value.

    *message* says what to write instead; *culprit* is the part of the value that is wrong, where
    that is not all of it, and *field_path* (".ports") the field of it.
    """
    context = {"message": message}
    if culprit is not None:
        context["culprit"] = culprit
    if field_path is not None:
        context["field_path"] = field_path
    return PydanticCustomError(RULE_ERROR, "{message}", context)


class Model(BaseModel):
    """
    A part of the API: immutable, camelCase outside, exact about types.

    Unknown fields are ignored: the CRD refuses them, and an operator that did so too would
    fail on every field that a newer CRD has and it has not.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        frozen=True,
        strict=True,
        validate_by_alias=True,
        validate_by_name=True,
    )

    #: Rules about several fields at once; `self` in their CEL is the whole part.
    RULES: ClassVar[tuple["Rule", ...]] = ()

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        for rule in self.RULES:
            rule.check(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Hand the rules to the CRD's generator."""
        json_schema = handler(schema)
        if cls.RULES:
            handler.resolve_ref_schema(json_schema)[RULES_KEY] = [
                rule.as_validation() for rule in cls.RULES
            ]
        return json_schema


@dataclass(frozen=True)
class Rule:
    """
    A rule that the API server checks by CEL and the operator by *holds*.

    Both refuse with *message*, which says what to write instead. *cel* sees the value as
    `self`; both sides must accept the same values (a test against an API server compares them).
    *field_path* moves the API server's error from the value to one of its fields.
    """

    message: str
    cel: str
    holds: Callable[[Any], bool]
    field_path: str | None = None

    def as_validation(self) -> dict[str, str]:
        """Return the rule as an entry of `x-kubernetes-validations`."""
        validation = {"rule": self.cel, "message": self.message}
        if self.field_path is not None:
            validation["fieldPath"] = self.field_path
        return validation

    def check(self, value: Any) -> Any:
        """Return *value*, or raise the `refusal` of a value that breaks the rule."""
        if not self.holds(value):
            raise refusal(self.message, field_path=self.field_path)
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the rule after the type."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Hand the rule to the CRD's generator."""
        json_schema = handler(schema)
        rules = [*json_schema.get(RULES_KEY, []), self.as_validation()]
        return {**json_schema, RULES_KEY: rules}


@dataclass(frozen=True)
class KeyRule(Rule):
    """A rule about every key of a mapping; here *cel* sees a `key`, and so does *holds*."""

    def as_validation(self) -> dict[str, str]:
        """Return the rule as an entry of `x-kubernetes-validations`."""
        return {**super().as_validation(), "rule": f"self.all(key, {self.cel})"}

    def check(self, value: Any) -> Any:
        """Return *value*, or raise the `refusal` of its first key that breaks the rule."""
        for key in value:
            if not self.holds(key):
                raise refusal(self.message, culprit=key)
        return value


def transition_rule(message: str, cel: str, field_path: str) -> Rule:
    """Return a rule about a change: only the API server knows what was there before (`oldSelf`)."""
    return Rule(message=message, cel=cel, holds=lambda _: True, field_path=field_path)


@dataclass(frozen=True)
class Needed:
    """
    Marks a required field whose absence is answered with *message*: what to write there.

    The CRD does not list such a field under `required`, because the API server would then
    say no more than "Required value", and skip every CEL rule. A rule on the parent
    (`has(self.field)`) refuses its absence instead, with the message.
    """

    message: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Hand the message to the CRD's generator."""
        return {**handler(schema), NEEDED_KEY: self.message}


@dataclass(frozen=True, eq=False)
class Embedded:
    """
    Marks plain data whose structure in the CRD is that of a part of Kubernetes.

    *source* is a type of core/v1 (`Affinity`), a field of one (`Container.env`), or one of the
    `SUBSTITUTES` of `crd/structure.py` (`IntOrString`); after a new name is used for the first
    time, `python -m hack.crdgen.extract` has to be run. *overlay* is merged over the
    structure, for constraints that Kubernetes has in code only.
    """

    source: str
    overlay: Mapping[str, Any] = field(default_factory=dict)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Hand the name to the CRD's generator."""
        embedded = {"source": self.source, "overlay": dict(self.overlay)}
        # Alternatives (int or str) are part of the structure that takes this one's place.
        own = {key: value for key, value in handler(schema).items() if key != "anyOf"}
        return {**own, EMBEDDED_KEY: embedded}
