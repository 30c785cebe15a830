"""Samples are what users copy: each is a valid workload whose pods the default policy allows."""

from pathlib import Path

import pytest
import yaml

from mcpworkload import names
from mcpworkload.desired import build_children
from mcpworkload.models import Workload

SAMPLES = sorted((Path(__file__).parents[2] / "deploy" / "samples").glob("*.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_becomes_children(sample: Path) -> None:
    """Other kinds beside the workload are somebody else's business."""
    bodies = [
        body
        for body in yaml.safe_load_all(sample.read_text(encoding="utf-8"))
        if body["kind"] == names.KIND
    ]

    assert bodies
    for body in bodies:
        assert build_children(Workload.parse(body))
