"""What is kept of a spec between two looks, and when it is not good enough."""

from dataclasses import replace
from typing import Any

import pytest

from mcpworkload.api.refusals import Refusal
from mcpworkload.controller.desired import (
    DEFAULT_POLICY,
    UNKNOWN_SURROUNDINGS,
    Surroundings,
    build_children,
)
from mcpworkload.controller.parse import Wish, parse
from mcpworkload.controller.recent import Recent
from tests.support.parsed import make_body

KEY = "team/weather"
ENV = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "weather-key", "key": "api"}}}]


def look(recent: Recent, body: Any, surroundings: Surroundings = UNKNOWN_SURROUNDINGS) -> Any:
    """What is known of *body*."""
    return recent.parse(KEY, body, surroundings)


def keep(recent: Recent, body: Any, content: str | None = None) -> None:
    """One look at *body*, after which its children are known."""
    workload, draft = look(recent, body).wish.draft()
    recent.keep(KEY, content, build_children(workload, DEFAULT_POLICY, draft.template))


def test_the_second_look_knows_what_the_first_did() -> None:
    """But the stored status, which is the newest."""
    recent, body = Recent(DEFAULT_POLICY), make_body(env=ENV)
    look(recent, body)
    written = {**body, "status": {"observedGeneration": 1, "conditions": []}}

    again, fresh = look(recent, written), parse(written, DEFAULT_POLICY)

    assert again.inputs == fresh.inputs
    assert again.inputs.status == written["status"]
    assert isinstance(fresh.wish, Wish)
    assert (again.wish.references, again.wish.grants, again.wish.check) == (
        fresh.wish.references,
        fresh.wish.grants,
        fresh.wish.check,
    )


def test_what_is_made_of_the_spec_can_be_made_again() -> None:
    """The template, the amounts of its containers, and which of its texts are secret."""
    recent, body = (
        Recent(DEFAULT_POLICY),
        make_body(env=[{"name": "A", "value": "hunter2-hunter2"}]),
    )
    look(recent, body)

    again, fresh = look(recent, body), parse(body, DEFAULT_POLICY)

    assert isinstance(fresh.wish, Wish)
    assert again.wish.draft()[1].template == fresh.wish.draft()[1].template
    assert again.inputs.amounts.read() == fresh.inputs.amounts.read()
    assert "hunter2" not in again.inputs.secrets.hide("found hunter2-hunter2")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"generation": 2}, id="another spec"),
        pytest.param({"uid": "younger"}, id="another workload of the name"),
    ],
)
def test_another_spec_is_parsed(change: dict[str, Any]) -> None:
    """And children that were built of the former one are not taken for its own."""
    recent, body = Recent(DEFAULT_POLICY), make_body()
    keep(recent, body)
    assert recent.digests(KEY, None)
    other = make_body(image="weather:2")
    other["metadata"] |= change

    parsed = look(recent, other)

    assert parsed.wish.draft()[1].template["spec"]["containers"][0]["image"] == "weather:2"
    assert recent.digests(KEY, None) is None


def test_other_surroundings_are_another_spec() -> None:
    """A profile in a ConfigMap changes the template without a new generation."""
    recent, body = Recent(DEFAULT_POLICY), make_body()
    keep(recent, body)

    look(recent, body, replace(UNKNOWN_SURROUNDINGS, proxy_address="10.0.0.1"))

    assert recent.digests(KEY, None) is None


def test_another_content_has_other_children() -> None:
    """They carry the digest of what their pods read."""
    recent, body = Recent(DEFAULT_POLICY), make_body(env=ENV)
    keep(recent, body, "one")

    assert recent.digests(KEY, "one")
    assert recent.digests(KEY, "two") is None


def test_a_refused_spec_is_parsed_each_time() -> None:
    """Why it is refused may depend on more than the spec."""
    recent, body = Recent(DEFAULT_POLICY), make_body(image=7)

    assert isinstance(look(recent, body).wish, Refusal)
    assert isinstance(look(recent, body).wish, Refusal)


def test_so_many_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory stays flat, however many workloads there are; the oldest look goes first."""
    monkeypatch.setattr("mcpworkload.controller.recent._MOST", 2)
    recent, body = Recent(DEFAULT_POLICY), make_body()
    for key in ("a", "b", "a", "c"):
        recent.parse(key, body, UNKNOWN_SURROUNDINGS)
        recent.keep(key, None, ())

    assert recent.digests("b", None) is None
    assert recent.digests("a", None) == {}
    assert recent.digests("c", None) == {}


def test_a_deleted_workload_leaves_nothing() -> None:
    """Its successor of the same name may look the same."""
    recent = Recent(DEFAULT_POLICY)
    keep(recent, make_body())

    recent.forget(KEY)

    assert recent.digests(KEY, None) is None
