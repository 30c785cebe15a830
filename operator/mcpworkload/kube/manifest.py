"""Manifests as plain data, and a digest of their content."""

import hashlib
import json
from typing import Any

import msgspec

Manifest = dict[str, Any]


def digest_of(manifest: Manifest) -> str:
    """Return 16 characters that are the same for equal manifests, in any order of their keys."""
    canonical = msgspec.json.encode(manifest, order="deterministic")
    if not canonical.isascii():
        # The digests of children that exist were made of escapes; for the rest both write the same.
        canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(canonical).hexdigest()[:16]
