"""What an image is made from decides its name, and nothing else does."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from hack.images.catalog import (
    HERE,
    IMAGES,
    ROOT,
    Image,
    by_name,
    content_hash,
    packages_hash,
    reference,
    stage_context,
)
from hack.images.operator.requirements import requirements


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the operator's build sees."""
    stage_context(by_name("operator"), tmp_path)
    return tmp_path


def test_a_copy_has_the_hash_of_its_source(copy: Path) -> None:
    """The name of what is built is the name that was asked for."""
    operator = by_name("operator")

    assert content_hash(operator, "debian", copy) == content_hash(operator, "debian")


@pytest.mark.parametrize("name", ["pyproject.toml", "operator/mcpworkload/__init__.py"])
def test_every_input_counts(copy: Path, name: str) -> None:
    """A changed input gives a new hash."""
    before = content_hash(by_name("operator"), "debian", copy)

    with (copy / name).open("a") as source:
        source.write("# changed\n")

    assert content_hash(by_name("operator"), "debian", copy) != before


def test_a_new_module_counts(copy: Path) -> None:
    """A module that was not there before gives a new hash."""
    before = content_hash(by_name("operator"), "debian", copy)

    (copy / "operator/mcpworkload/brand_new.py").touch()

    assert content_hash(by_name("operator"), "debian", copy) != before


def test_what_is_not_copied_does_not_count(copy: Path) -> None:
    """Bytecode beside the sources does not cause a rebuild."""
    before = content_hash(by_name("operator"), "debian", copy)

    (copy / "operator/mcpworkload/stray.pyc").touch()

    assert content_hash(by_name("operator"), "debian", copy) == before


def test_the_base_counts() -> None:
    """The same sources on another base are another image."""
    operator = by_name("operator")

    assert content_hash(operator, "debian") != content_hash(operator, "registry")


def test_tags() -> None:
    """Our own image is tagged by its content, a sample by the version of what it holds."""
    assert reference(by_name("operator"), "0123456789ab") == (
        "localhost/mcpworkload/operator:0123456789ab"
    )
    assert reference(by_name("time"), "0123456789ab").endswith("/time:2026.10.19")


def test_sample_tags_are_the_pinned_versions() -> None:
    """A tag says what is inside."""
    packages = json.loads((HERE / "everything/package.json").read_text())["dependencies"]
    pins = (HERE / "time/constraints.txt").read_text().splitlines()

    assert packages == {"@modelcontextprotocol/server-everything": by_name("everything").tag}
    assert f"mcp-server-time=={by_name('time').tag}" in pins


@pytest.mark.parametrize("name", ["everything", "servers"])
def test_the_lock_file_names_no_registry(name: str) -> None:
    """It must install from whichever registry a machine has, and check what it gets."""
    packages = json.loads((HERE / name / "package-lock.json").read_text())["packages"]
    locked = {name: entry for name, entry in packages.items() if name}

    assert [name for name, entry in locked.items() if "resolved" in entry] == []
    assert [name for name, entry in locked.items() if "integrity" not in entry] == []


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_dockerfiles_take_their_base_as_an_argument(image: Image) -> None:
    """Each names a default without a host, runs without root, and copies only its inputs."""
    dockerfile = image.dockerfile.read_text()
    staged = {str(path.relative_to(image.context)) for path in image.files()}
    staged.add(Path(image.program).name)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)

    assert "/" not in image.default_base
    assert re.search(r"^USER \d+:\d+$", dockerfile, re.MULTILINE)
    for source in " ".join(copied).split():
        assert any(name == source or name.startswith(f"{source}/") for name in staged)


def test_requirements_come_from_the_project() -> None:
    """The image installs the extra, without the base install's Kubernetes client."""
    pyproject = (ROOT / "pyproject.toml").read_text()

    found = requirements(pyproject, "operator")

    assert found == tomllib.loads(pyproject)["project"]["optional-dependencies"]["operator"]
    assert "kubernetes" not in found
    assert requirements(pyproject, "build")[0].startswith("setuptools")


def test_packages_of_one_image_are_no_base_of_another() -> None:
    """The base with an image's own packages depends on what composes it alone."""
    egress = by_name("egress")
    other = replace(egress, packages=("squid", "curl"))

    assert packages_hash(other) != packages_hash(egress)
    assert content_hash(other, "debian") != content_hash(egress, "debian")
    assert content_hash(other, "registry") == content_hash(egress, "registry")


def test_lists_of_packages_pin_all_and_repeat_nothing() -> None:
    """Each list is installed without dependencies, and those before it are on its path."""
    lists = {
        path.stem: [line for line in path.read_text().splitlines() if not line.startswith("#")]
        for path in (HERE / "servers" / "packages").glob("*.txt")
    }
    common = {line.partition("==")[0] for line in lists.pop("common")}

    for lines in lists.values():
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
        assert common.isdisjoint(line.partition("==")[0] for line in lines)
