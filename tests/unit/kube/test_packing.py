"""Packed objects are small, and come out as they went in."""

from typing import Any

import msgspec
import pytest

from mcpworkload.api import names
from mcpworkload.kube.objects import LiveChild, Pod, Service, StatefulSet
from mcpworkload.kube.packing import Packer
from tests.support.settled import make_settled

ODD: list[Any] = [
    None,
    {},
    "",
    {"deep": [[[{"": 0}]]], "text": "ä\u2028\x00 \U0001f600", "number": [-1, 0.1, 1e308]},
    # Go writes it so, and it is more than 64 bits.
    {"large": 100000000000000000000},
    {"long": "x" * 100_000 + "y"},
]


@pytest.mark.parametrize("first", ODD, ids=lambda item: str(item)[:20])
def test_what_is_packed_comes_out_as_it_was(first: Any) -> None:
    """Whatever was packed first: that decides about sizes alone."""
    packer: Packer[Any] = Packer(msgspec.json.decode)

    packed = [packer.pack(item) for item in (first, *ODD)]

    assert [packer.unpack(each) for each in packed] == [first, *ODD]


@pytest.mark.parametrize(
    ("plural", "live"), [("statefulsets", StatefulSet), ("services", Service), ("pods", Pod)]
)
def test_a_live_object_comes_out_as_it_was(plural: str, live: type[Any]) -> None:
    """With its content, and without."""
    packer = Packer(msgspec.json.Decoder(live).decode)
    for number in range(3):
        item = msgspec.json.decode(make_settled(plural, number), type=live)
        assert packer.unpack(packer.pack(item)) == item
        if isinstance(item, LiveChild):
            assert item.has_content
            released = packer.unpack(packer.pack(item.without_content()))
            assert released == item.without_content()
            assert not released.has_content


def test_the_fields_that_no_update_changes_outlive_the_content() -> None:
    """They are compared with the next spec."""
    packer = Packer(msgspec.json.Decoder(StatefulSet).decode)
    item = msgspec.json.decode(make_settled("statefulsets", 7), type=StatefulSet)

    released = packer.unpack(packer.pack(item.without_content()))

    assert released.fixed_fields() == item.fixed_fields()
    assert released.fixed_fields()["serviceName"] == "workload-00007"


def test_an_object_that_resembles_the_first_takes_little() -> None:
    """The names differ, all else is said by a reference to the first."""
    packer = Packer(msgspec.json.decode)
    first, second = (
        packer.pack(msgspec.json.decode(make_settled(names.PLURAL, n))) for n in (1, 2)
    )

    assert len(second) < 300
    assert len(msgspec.json.encode(packer.unpack(second))) > 2000
    assert packer.unpack(first)["metadata"]["name"] == "workload-00001"
