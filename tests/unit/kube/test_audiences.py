"""What the operator's own token says of the tokens that the API server takes."""

import base64
import json
from typing import Any

import pytest

from mcpworkload.kube.connection import audiences_of


def token(claims: Any) -> str:
    """A token with those claims; nobody checks its signature here."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{payload}.signature"


@pytest.mark.parametrize(
    ("text", "audiences"),
    [
        (token({"aud": ["https://a.example", "k3s"], "iss": "https://i"}), 3),
        (token({"aud": "https://a.example"}), 1),
        (token({"sub": "x"}), 0),
        (token({"aud": 7}), 0),
        (token([]), 0),
        ("", 0),
        ("opaque", 0),
        ("a.b.c", 0),
        ("a.é.c", 0),
    ],
)
def test_audiences(text: str, audiences: int) -> None:
    """Each of them and the issuer; a token of another kind says nothing, and breaks nothing."""
    assert len(audiences_of(text)) == audiences
    assert all(name.startswith("https://") or name == "k3s" for name in audiences_of(text))
