"""Samples are what users copy: each is a valid workload whose pods the default policy allows."""

import re
from pathlib import Path

import pytest
import yaml

from hack.images.catalog import by_name, reference
from mcpworkload.api import names
from mcpworkload.api.workload import Workload
from mcpworkload.controller.desired import build_children
from tests.support.bridged import POLICY

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
        assert build_children(Workload.parse(body), POLICY)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_says_what_it_shows(sample: Path) -> None:
    """Its first line is for whoever looks for an example."""
    first, *_ = sample.read_text(encoding="utf-8").splitlines()

    assert first.startswith("# ")


def test_the_samples_have_names_of_their_own() -> None:
    """All of them fit into one namespace."""
    bodies = [body for sample in SAMPLES for body in yaml.safe_load_all(sample.read_text())]
    found = [(body["kind"], body["metadata"]["name"]) for body in bodies]

    assert len(set(found)) == len(found)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_runs_images_that_are_built_here(sample: Path) -> None:
    """Wherever the samples are applied, `make images` is enough."""
    known = {reference(by_name(name), "") for name in ("everything", "time")}
    text = sample.read_text(encoding="utf-8")

    assert set(re.findall(r"^ *(?:- )?image: (\S+)$", text, re.MULTILINE)) <= known
