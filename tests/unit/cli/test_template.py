"""`template`: the pod template before and after the patch, from a file or from the cluster."""

import json
from pathlib import Path

import pytest
import yaml

from mcpworkload.cli.codes import ExitCode
from tests.support.commands import CommandHarness, Manifest, make_body

PATCH = [{"op": "add", "path": "/spec/shareProcessNamespace", "value": True}]


def patched(*operations: Manifest) -> Manifest:
    """A workload with that patch."""
    body = make_body()
    body["spec"]["podTemplatePatch"] = list(operations)
    return body


def test_before_and_after() -> None:
    """Without the patch and with it; the difference is what the patch adds."""
    harness = CommandHarness(patched(*PATCH))

    after = yaml.safe_load(harness.run("template", "weather").stdout)
    before = json.loads(harness.run("template", "weather", "--before", "-o", "json").stdout)
    diff = harness.run("template", "weather", "--diff").stdout

    assert after["spec"].pop("shareProcessNamespace") is True
    assert before == after
    changed = [line for line in diff.splitlines() if line.startswith(("+ ", "- "))]
    assert changed == ["+  shareProcessNamespace: true"]


def test_a_file_needs_no_cluster(tmp_path: Path) -> None:
    """What GitOps has is looked at where it is: a file among other objects, or standard input."""
    manifest = make_body()
    del manifest["status"], manifest["metadata"]["namespace"]
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump_all([{"kind": "Secret"}, manifest]))
    harness = CommandHarness()

    first = harness.run("template", "-f", str(path))
    second = harness.run("template", "-f", "-", stdin=path.read_text())

    assert first.exit_code == ExitCode.OK
    assert yaml.safe_load(first.stdout)["spec"]["containers"][0]["image"] == "acme/weather:1"
    assert first.stdout == second.stdout
    assert harness.target is None


def test_a_patch_that_fails_says_which_operation_and_does_not_hide_the_rest() -> None:
    """The operator's own words; what the patch works on can still be seen."""
    harness = CommandHarness(patched({"op": "remove", "path": "/spec/nothing"}))

    result = harness.run("template", "weather")

    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith("error: spec.podTemplatePatch[0] (remove /spec/nothing): ")
    assert harness.run("template", "weather", "--before").exit_code == ExitCode.OK


def test_the_policy_is_that_of_the_installation() -> None:
    """What baseline refuses, privileged lets through."""
    harness = CommandHarness(patched({"op": "add", "path": "/spec/hostNetwork", "value": True}))

    assert "hostNetwork" in harness.run("template", "weather").stderr
    result = harness.run("template", "weather", "--pod-security", "privileged")
    assert result.exit_code == ExitCode.OK


def test_the_bridge_is_that_of_the_installation() -> None:
    """Its image, and how it comes into the pods."""
    body = make_body()
    body["spec"] |= {"transport": {"type": "stdio"}, "command": ["serve"]}
    harness = CommandHarness(body)

    copied = yaml.safe_load(harness.run("template", "weather", "--bridge-image", "b:1").stdout)
    assert copied["spec"]["initContainers"][0]["image"] == "b:1"
    mounted = yaml.safe_load(harness.run("template", "weather", "--bridge-volume", "image").stdout)
    assert mounted["spec"]["volumes"][0]["image"] == {"reference": "mcpworkload-bridge"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a workload, or a file with -f"),
        (("weather", "-f", "x.yaml"), "name a workload, or a file with -f"),
        (("-f", "/nothing"), "/nothing cannot be read"),
        (("-f", "/dev/null"), "/dev/null has 0 MCPWorkloads"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], said: str) -> None:
    """The exit code is that of wrong usage."""
    result = CommandHarness(make_body()).run("template", *words)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
