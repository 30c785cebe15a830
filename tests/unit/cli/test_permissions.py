"""`permissions explain`: a profile in sentences and as objects, from wherever it comes."""

import json
from pathlib import Path
from typing import Any

import yaml

from mcpworkload.cli.codes import ExitCode
from mcpworkload.runtime import WorkloadNotFound
from tests.support.commands import CommandHarness, Manifest, make_body

PROFILE = {"network": {"outbound": {"allow_host": ["api.example.com"], "allow_port": [443]}}}
CONFIG_MAP = "/api/v1/namespaces/demo/configmaps/profiles"


def isolated(**profile: Any) -> Manifest:
    """A workload that is isolated, with that profile."""
    body = make_body()
    body["spec"] |= {"isolateNetwork": True, "permissionProfile": profile}
    return body


def kinds(objects: list[Manifest]) -> list[tuple[str, str]]:
    """Kind and name of each."""
    return [(item["kind"], item["metadata"]["name"]) for item in objects]


def test_a_workload_of_the_cluster() -> None:
    """Its sentences, and the names of the objects that it becomes."""
    outbound = {"allowHost": ["api.example.com"], "allowPort": [443]}
    harness = CommandHarness(isolated(network={"outbound": outbound}))

    result = harness.run("permissions", "explain", "weather")

    assert result.exit_code == ExitCode.OK, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "It allows:"
    assert lines[1] == (
        "  - The server may connect to api.example.com, on port 443, through the egress proxy. "
        "Nothing else leaves the pods, DNS included."
    )
    assert "  - NetworkPolicy weather-egress" in lines
    assert "  - Deployment weather-egress" in lines


def test_the_objects_are_the_operators() -> None:
    """All of them, whole, with what only the cluster knows as words."""
    outbound = {"allowHost": ["api.example.com"]}
    harness = CommandHarness(isolated(network={"outbound": outbound}))

    shown = yaml.safe_load(harness.run("permissions", "explain", "weather", "-o", "yaml").stdout)

    found = kinds(shown["objects"])
    assert sorted(found) == sorted(
        [
            ("NetworkPolicy", "isolation.mcpworkload.dev"),
            ("NetworkPolicy", "weather"),
            ("NetworkPolicy", "weather-egress"),
            ("Deployment", "weather-egress"),
            ("Service", "weather-egress"),
            ("StatefulSet", "weather"),
        ]
    )
    pod = shown["objects"][found.index(("StatefulSet", "weather"))]["spec"]["template"]["spec"]
    server = next(item for item in pod["containers"] if item["name"] == "mcp")
    assert {"name": "HTTPS_PROXY", "value": "http://EGRESS-ADDRESS:3128"} in server["env"]
    assert "GATE-ADDRESS:8081" in pod["initContainers"][0]["args"]
    assert shown["limits"]


def test_a_profile_in_a_config_map_is_read() -> None:
    """Once; a key that is missing is reported as the operator reports it."""
    reference = {"name": "profiles", "key": "weather.json"}
    body = isolated(configMapKeyRef=reference)
    found = {"data": {"weather.json": json.dumps(PROFILE)}}

    def missing(_: Any) -> None:
        raise WorkloadNotFound("no such ConfigMap")

    result = CommandHarness(body, answers={CONFIG_MAP: found}).run(
        "permissions", "explain", "weather"
    )
    assert "api.example.com, on port 443" in result.stdout
    answers: tuple[Any, ...] = ({"data": {}}, missing)
    for answer in answers:
        harness = CommandHarness(body, answers={CONFIG_MAP: answer})
        result = harness.run("permissions", "explain", "weather")
        assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
        assert "ConfigMap profiles, key weather.json" in result.stderr


def test_a_file_has_its_profile_along(tmp_path: Path) -> None:
    """No cluster is asked: the ConfigMap is in the same file, or named as missing."""
    body = isolated(configMapKeyRef={"name": "profiles", "key": "weather.json"})
    del body["status"]
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "profiles"},
        "data": {"weather.json": json.dumps(PROFILE)},
    }
    path = tmp_path / "weather.yaml"
    path.write_text(yaml.safe_dump_all([config_map, body]))
    harness = CommandHarness()

    explained = harness.run("permissions", "explain", "-f", str(path))
    template = harness.run("template", "-f", str(path))
    path.write_text(yaml.safe_dump_all([body]))
    alone = harness.run("permissions", "explain", "-f", str(path))

    assert "api.example.com, on port 443" in explained.stdout
    assert template.exit_code == ExitCode.OK
    assert yaml.safe_load(template.stdout)["spec"]["initContainers"][0]["name"] == "mcpw-gate"
    assert alone.exit_code == ExitCode.USAGE
    assert "has no ConfigMap profiles with the key weather.json" in alone.stderr
    assert harness.target is None


def test_a_profile_of_no_workload(tmp_path: Path) -> None:
    """A builtin, a file, or the key of a ConfigMap, as `run` takes them."""
    path = tmp_path / "weather.json"
    path.write_text(json.dumps(PROFILE))
    found = {"data": {"weather.json": json.dumps(PROFILE)}}
    harness = CommandHarness(answers={CONFIG_MAP: found})

    def first(*words: str) -> str:
        result = harness.run("permissions", "explain", "--profile", *words)
        assert result.exit_code == ExitCode.OK, result.stderr
        return result.stdout.splitlines()[1]

    assert "may connect nowhere" in first("none", "--isolate-network")
    assert "every public address" in first("network", "--isolate-network")
    assert "api.example.com, on port 443" in first(str(path), "--isolate-network")
    assert "The network is not isolated" in first(str(path))
    assert harness.target is None
    assert "api.example.com" in first("configmap:profiles/weather.json", "--isolate-network")


def test_what_the_installation_refuses_is_still_explained() -> None:
    """The sentences, then the operator's words, with exit code 2."""
    harness = CommandHarness(isolated(read=["/data"]))

    refused = harness.run("permissions", "explain", "weather")
    allowed = harness.run("permissions", "explain", "weather", "--host-path", "/data")

    assert refused.exit_code == ExitCode.USAGE
    assert "The server may read /data, the directory /data of the node" in refused.stdout
    assert "StatefulSet" not in refused.stdout
    assert "spec.permissionProfile.read: found '/data'" in refused.stderr
    assert allowed.exit_code == ExitCode.OK
    assert "StatefulSet weather" in allowed.stdout


def test_one_subject_is_named(tmp_path: Path) -> None:
    """Not none, and not two; isolation is the workload's own where there is one."""
    harness = CommandHarness(make_body())

    for words in (
        (),
        ("weather", "-f", str(tmp_path)),
        ("weather", "--profile", "none"),
        ("weather", "--isolate-network"),
    ):
        assert harness.run("permissions", "explain", *words).exit_code == ExitCode.USAGE


def test_its_help_is_found_by_both_words() -> None:
    """As that of any command."""
    shown = CommandHarness().run("help", "permissions", "explain").stdout

    assert shown.startswith("Usage: cli permissions explain")
    assert "explain" in CommandHarness().run("help", "permissions").stdout
