"""The digest of a manifest, which stands in children that exist."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcpworkload.kube.manifest import digest_of

TEXTS = st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_the_digest_is_that_of_earlier_versions(manifest: dict[str, Any]) -> None:
    """Another one would write every child of every workload again."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))

    assert digest_of(manifest) == hashlib.sha256(canonical.encode()).hexdigest()[:16]


def test_the_order_of_keys_does_not_matter() -> None:
    """Only the content does, at any depth."""
    one = {"a": {"b": 1, "c": [2]}, "d": "ä"}
    other = {"d": "ä", "a": {"c": [2], "b": 1}}

    assert digest_of(one) == digest_of(other)
