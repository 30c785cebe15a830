"""What is missing of what pods read, and the digest that rolls them."""

from typing import Any

import pytest

from mcpworkload.controller.references import (
    Absence,
    Found,
    ObjectId,
    Reference,
    describe_missing,
    describe_unknown,
    digest_content,
    digest_references,
)

SECRET = ObjectId("Secret", "s")
CONFIG = ObjectId("ConfigMap", "c")
VALUES = {"a": "1", "b": "2"}


def refer(key: str = "", *, optional: bool = False, to: ObjectId = SECRET) -> Reference:
    """A reference in one place."""
    return Reference(to, key, optional, "spec.here")


def digest(*references: Reference, uid: str = "u", **values: str) -> str | None:
    """The digest over a Secret with those values."""
    return digest_references(references, {SECRET: digest_content(uid, values)})


@pytest.mark.parametrize(
    ("reference", "found", "message"),
    [
        pytest.param(refer("a"), digest_content("u", VALUES), "", id="there"),
        pytest.param(refer(), digest_content("u", {}), "", id="there, without keys"),
        pytest.param(
            refer("z"),
            digest_content("u", VALUES),
            "Secret s has no key z (spec.here)",
            id="no such key",
        ),
        pytest.param(
            refer("a"), Absence.MISSING, "there is no Secret s (spec.here)", id="no object"
        ),
        pytest.param(refer("z", optional=True), digest_content("u", {}), "", id="optional key"),
        pytest.param(refer("a", optional=True), Absence.MISSING, "", id="optional object"),
        pytest.param(refer("a"), Absence.UNREADABLE, "", id="assumed"),
    ],
)
def test_what_is_missing_is_named(reference: Reference, found: Found, message: str) -> None:
    """With the place that needs it."""
    assert describe_missing([reference], {SECRET: found}) == message


def test_a_long_list_of_what_is_missing_is_cut() -> None:
    """And what is missing twice in one place is said once."""
    many = [refer(f"k{number}") for number in range(7)] * 2

    message = describe_missing(many, {SECRET: digest_content("u", {})})

    assert message.count("has no key") == 5
    assert message.endswith("; and 2 more")


@pytest.mark.parametrize(
    ("references", "before", "after", "rolls"),
    [
        pytest.param([refer("a")], VALUES, {**VALUES, "a": "9"}, True, id="the key that is read"),
        pytest.param([refer("a")], VALUES, {**VALUES, "b": "9"}, False, id="another key"),
        pytest.param([refer("a")], VALUES, {"b": "2", "a": "1"}, False, id="order"),
        pytest.param([refer()], VALUES, {**VALUES, "b": "9"}, True, id="any of all keys"),
        pytest.param([refer()], VALUES, {**VALUES, "c": "3"}, True, id="one more of all keys"),
        pytest.param([refer()], {"a": "bc"}, {"ab": "c"}, True, id="key and value apart"),
        pytest.param([refer("z", optional=True)], VALUES, {**VALUES, "z": "1"}, True, id="comes"),
    ],
)
def test_a_change_of_what_is_read_changes_the_digest(
    references: list[Reference], before: dict[str, str], after: dict[str, str], rolls: bool
) -> None:
    """And nothing else does."""
    assert (digest(*references, **before) != digest(*references, **after)) == rolls


def test_the_digest_has_ten_hex_digits_and_does_not_depend_on_the_order() -> None:
    """It is a pod annotation: stable over restarts of the operator, whatever the order."""
    one = digest(refer("a"), refer("b"), **VALUES)

    assert one == digest(refer("b"), refer("a"), refer("b"), **VALUES) == "7b02916c2b"


def test_without_the_uid_a_value_cannot_be_guessed() -> None:
    """Two Secrets with the same content have nothing in common."""
    assert digest(refer("a"), uid="u", **VALUES) != digest(refer("a"), uid="v", **VALUES)
    assert "in the clear" not in repr(digest_content("u", {"a": "in the clear"}))


def test_an_optional_object_that_comes_is_a_change() -> None:
    """The pods do not see it before they start again."""
    absent = digest_references([refer(optional=True)], {SECRET: Absence.MISSING})

    assert absent not in (None, digest(refer(optional=True)))


@pytest.mark.parametrize(
    ("references", "found", "has_digest"),
    [
        pytest.param([], {}, False, id="no references"),
        pytest.param([refer()], {SECRET: Absence.UNREADABLE}, False, id="nothing readable"),
        pytest.param(
            [refer(), refer(to=CONFIG)],
            {SECRET: Absence.UNREADABLE, CONFIG: digest_content("u", {})},
            True,
            id="one of two readable",
        ),
    ],
)
def test_without_anything_readable_there_is_no_digest(
    references: list[Reference], found: dict[ObjectId, Any], has_digest: bool
) -> None:
    """So that the template stays what it was."""
    assert (digest_references(references, found) is not None) == has_digest


def test_what_cannot_be_known_is_reported_once_for_each_kind() -> None:
    """In words for the condition Accepted."""
    other = ObjectId("Secret", "t")
    found: dict[ObjectId, Found] = {
        SECRET: Absence.UNREADABLE,
        other: Absence.UNREADABLE,
        CONFIG: Absence.MISSING,
    }

    (message,) = describe_unknown(found)

    assert "not allowed to read Secrets" in message
