"""Quantities as Kubernetes writes them."""

from decimal import Decimal

import pytest

from mcpworkload.kube.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("0.5", "0.5"),
        (2, "2"),
        ("1Ki", "1024"),
        ("1k", "1000"),
        ("1e3", "1000"),
        ("1E", "1000000000000000000"),
        ("1E2", "100"),
        ("-1Mi", "-1048576"),
        (".5", "0.5"),
        ("100n", "0.0000001"),
    ],
)
def test_a_quantity_is_an_exact_number(text: str | int, number: str) -> None:
    """Whatever the suffix."""
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "lots", "1 Gi", "1ki", "1KiB", "0x1", "1e", "--1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match="is not a quantity such as"):
        parse_quantity(text)
