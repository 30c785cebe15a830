"""Samples are what users copy: each is a valid workload whose pods the default policy allows."""

import re
from pathlib import Path

import pytest
import yaml

from hack.images.catalog import by_name, reference
from mcpworkload.api import names
from mcpworkload.api.workload import Workload
from mcpworkload.controller.admission.installation import GateTarget
from mcpworkload.controller.desired import Policy, Surroundings, build_children, build_draft
from mcpworkload.kube.manifest import Manifest

SAMPLES = sorted((Path(__file__).parents[2] / "deploy" / "samples").glob("*.yaml"))


# What the operator is installed with.
POLICY = Policy(
    bridge_image="bridge:1",
    egress_image="egress:1",
    gate=GateTarget("10.96.0.7", control_port=8081, forbidden_port=8080),
)


def profile_of(workload: Workload, bodies: list[Manifest]) -> str | None:
    """The profile that *workload* refers to, from a ConfigMap beside it."""
    profile = workload.spec.permission_profile
    if profile is None or profile.config_map_key_ref is None:
        return None
    reference = profile.config_map_key_ref
    (found,) = [body for body in bodies if body["metadata"]["name"] == reference.name]
    text: str = found["data"][reference.key]
    return text


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_becomes_children(sample: Path) -> None:
    """Other kinds beside the workload are somebody else's business."""
    bodies = list(yaml.safe_load_all(sample.read_text(encoding="utf-8")))
    workloads = [Workload.parse(body) for body in bodies if body["kind"] == names.KIND]

    assert workloads
    for workload in workloads:
        surroundings = Surroundings(profile_of(workload, bodies), proxy_address="10.96.0.8")
        draft = build_draft(workload, POLICY, surroundings)
        assert build_children(workload, POLICY, draft.template, draft.grants)


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
