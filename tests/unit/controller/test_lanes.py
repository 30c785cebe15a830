"""Whose turn it is."""

import timeit
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.controller.lanes import TURNS_PER_LOWEST, Lanes, Priority
from tests.support.measurements import Measurements


def never(_: str) -> bool:
    """No namespace is full."""
    return False


def fill(*keys: tuple[str, Priority]) -> Lanes:
    """Lanes with these keys, added a second after each other."""
    lanes = Lanes()
    for second, (key, priority) in enumerate(keys):
        lanes.add(key, priority, float(second), is_doubtful=False)
    return lanes


def drain(lanes: Lanes) -> list[str]:
    """All keys, in the order in which they are served."""
    taken = iter(lambda: lanes.take(never, with_doubtful=True), None)
    return [key for key in taken if key is not None]


def test_lanes_are_served_by_their_priority() -> None:
    """Whatever came first."""
    lanes = fill(*((f"a/{each.name}", each) for each in reversed(Priority)))

    assert drain(lanes) == ["a/URGENT", "a/CHANGE", "a/RESYNC", "a/RETRY"]


def test_a_key_moves_up_and_never_down() -> None:
    """It waits once; how long it has waited stays."""
    lanes = fill(("a/1", Priority.CHANGE), ("a/2", Priority.RESYNC), ("a/2", Priority.URGENT))
    lanes.add("a/1", Priority.RETRY, 9.0, is_doubtful=False)

    assert lanes.depths() == {"urgent": 1, "change": 1, "resync": 0, "retry": 0}
    assert lanes.since() == 0.0
    assert drain(lanes) == ["a/2", "a/1"]
    assert len(lanes) == 0
    assert lanes.since() is None


def test_a_stream_of_changes_does_not_hold_up_the_rest() -> None:
    """One turn in eight goes to the lowest lane, and no more of them."""
    lanes, served = Lanes(), Counter[str]()
    for number in range(1000):
        lanes.add(f"a/{number}", Priority.RESYNC, 0.0, is_doubtful=False)
    for number in range(80 * TURNS_PER_LOWEST):
        lanes.add(f"b/{number}", Priority.CHANGE, 0.0, is_doubtful=False)
        key = lanes.take(never, with_doubtful=True)
        assert key is not None
        served[key[0]] += 1

    assert served == {"a": 80, "b": 80 * (TURNS_PER_LOWEST - 1)}


def test_the_doubtful_wait_where_they_have_their_share() -> None:
    """Even one that is urgent; with room, priority counts before doubt."""
    lanes = Lanes()
    lanes.add("a/bad", Priority.URGENT, 0.0, is_doubtful=True)
    lanes.add("a/good", Priority.CHANGE, 0.0, is_doubtful=False)
    lanes.add("a/late", Priority.CHANGE, 0.0, is_doubtful=False)

    assert lanes.take(never, with_doubtful=False) == "a/good"
    assert drain(lanes) == ["a/bad", "a/late"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.integers(0, 5), st.sampled_from(Priority), st.booleans()
        ),
        max_size=60,
    ),
    st.sets(st.sampled_from("abc")),
)
def test_every_key_that_may_be_served_is_served_once(
    added: list[tuple[str, int, Priority, bool]], full: set[str]
) -> None:
    """And the depths are those of what is left."""
    lanes = Lanes()
    for namespace, number, priority, is_doubtful in added:
        lanes.add(f"{namespace}/{number}", priority, 0.0, is_doubtful=is_doubtful)
    keys = {f"{namespace}/{number}" for namespace, number, _, _ in added}

    taken = []
    while (key := lanes.take(full.__contains__, with_doubtful=True)) is not None:
        taken.append(key)

    assert sorted(taken) == sorted(key for key in keys if key[0] not in full)
    assert sum(lanes.depths().values()) == len(lanes) == len(keys) - len(taken)


def seconds_each(waiting: int) -> float:
    """How long one addition, one move up and one turn take together while others wait."""
    lanes, names = Lanes(), iter(range(10**9))
    for number in range(waiting):
        lanes.add(f"n{number % 50}/w{number}", Priority.RESYNC, 0.0, is_doubtful=False)

    def step() -> None:
        key = f"n{(number := next(names)) % 50}/x{number}"
        lanes.add(key, Priority.RESYNC, 0.0, is_doubtful=False)
        lanes.add(key, Priority.CHANGE, 0.0, is_doubtful=False)
        lanes.take(never, with_doubtful=True)

    return min(timeit.repeat(step, number=2000, repeat=5)) / 2000


def test_a_turn_costs_the_same_however_many_wait(measurements: Measurements) -> None:
    """With lists in place of ordered dicts, it is a hundred times as much at a hundred times."""
    few, many = seconds_each(100), seconds_each(10_000)
    measurements.note(
        f"queue: to add, move up and take a key takes {few * 1e6:.1f} us beside 100 keys, "
        f"{many * 1e6:.1f} us beside 10,000"
    )
    assert many < 5 * few
