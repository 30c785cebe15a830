"""The headers of a spec's Secrets, and which are left out."""

import base64
import json
from typing import Any

import pytest

from mcpworkload.controller.probe_headers import HeaderCache
from mcpworkload.controller.reference_cache import References
from mcpworkload.controller.references import Absence, Found, ObjectId, digest_content

KEY = "team/weather"
SECRET = ObjectId("Secret", "key")


class FakeApi:
    """Answers with one Secret, and counts how often."""

    def __init__(self, **values: bytes) -> None:
        self.values = values
        self.reads = 0

    async def request(self, *_: object, **__: object) -> bytes:
        """The Secret."""
        self.reads += 1
        data = {name: base64.b64encode(value).decode() for name, value in self.values.items()}
        secret = {"kind": "Secret", "metadata": {"name": "key", "uid": "u"}, "data": data}
        return json.dumps(secret).encode()


def make_cache(api: Any) -> HeaderCache:
    """The cache of a workload that takes headers from that Secret."""
    return HeaderCache(References(api, ["team"], lambda _: None, lambda: 0.0))


def found_in(api: FakeApi) -> dict[ObjectId, Found]:
    """What a look-up says of the Secret."""
    return {SECRET: digest_content("u", {name: value.hex() for name, value in api.values.items()})}


async def test_each_key_is_a_header() -> None:
    """A line break at the end is how files end; they are read once for each change."""
    api = FakeApi(Authorization=b"Bearer one\n")
    cache = make_cache(api)
    headers = await cache.read(KEY, found_in(api))
    again = await cache.read(KEY, found_in(api))

    assert headers.values == {"Authorization": "Bearer one"}
    assert headers.missing == ""
    assert again is headers
    assert api.reads == 1
    assert "Bearer" not in repr(headers)

    api.values = {"Authorization": b"Bearer two"}
    assert (await cache.read(KEY, found_in(api))).values == {"Authorization": "Bearer two"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", b"Bearer one\r\nHost: other"),
        ("Authorization", b"\xff\xfe"),
        ("Authorization", "Bearer ü".encode()),
        ("Authorization", b"  "),
        ("not:a:name", b"one"),
    ],
)
async def test_what_is_no_header_is_left_out_and_named(name: str, value: bytes) -> None:
    """By its key; the value may be secret all the same."""
    api = FakeApi(**{name: value, "X-Key": b"two"})
    headers = await make_cache(api).read(KEY, found_in(api))

    assert headers.values == {"X-Key": "two"}
    assert headers.missing == f"{name} of Secret key is no header"


@pytest.mark.parametrize(
    ("absence", "words"),
    [
        (Absence.UNREADABLE, "the operator is not allowed to read Secret key"),
        (Absence.MISSING, "there is no Secret key"),
    ],
)
async def test_a_secret_that_cannot_be_read_is_named(absence: Absence, words: str) -> None:
    """The server may let the operator in without it."""
    headers = await make_cache(FakeApi()).read(KEY, {SECRET: absence})

    assert (headers.values, headers.missing) == ({}, words)


async def test_without_a_secret_there_are_no_headers() -> None:
    """Not even those of before."""
    api = FakeApi(Authorization=b"one")
    cache = make_cache(api)
    await cache.read(KEY, found_in(api))

    assert (await cache.read(KEY, {})).values == {}
