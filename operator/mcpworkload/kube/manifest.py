"""Manifests as plain data, and a digest of their content."""

import hashlib
import json
from typing import Any

Manifest = dict[str, Any]


def digest_of(manifest: Manifest) -> str:
    """Return 16 characters that are the same for equal manifests, in any order of their keys."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
