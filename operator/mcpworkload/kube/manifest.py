"""Manifests as plain data, and a digest that tells one from any other."""

import hashlib
import json
from typing import Any

Manifest = dict[str, Any]


def digest_of(manifest: Manifest) -> str:
    """The same 16 characters for the same manifest, whatever the order of its keys."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
