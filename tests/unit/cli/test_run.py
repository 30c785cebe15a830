"""`run`: from flags to a manifest, which is the same whether it is printed or applied."""

import json
from pathlib import Path

import pytest
import yaml

from mcpworkload.cli import registry
from mcpworkload.cli.codes import ExitCode
from tests.support.commands import CommandHarness, Manifest, make_body, settle


def dry_run(*words: str, stdin: str | None = None) -> Manifest:
    """The manifest for these words."""
    result = CommandHarness().run("run", "--dry-run", *words, stdin=stdin)
    assert result.exit_code == ExitCode.OK, result.stderr
    manifest: Manifest = yaml.safe_load(result.stdout)
    return manifest


def test_a_dry_run_prints_what_gitops_would_commit() -> None:
    """Everything that was asked for and nothing else; it asks no cluster."""
    harness = CommandHarness()
    words = (
        "run",
        "ghcr.io/acme/Weather_Report:1.4",
        "--dry-run",
        "-e",
        "CITY=a=b",
        "-l",
        "team=x",
    )

    result = harness.run(*words, "--", "--verbose", "now")

    assert yaml.safe_load(result.stdout) == {
        "apiVersion": "mcpworkload.dev/v1alpha1",
        "kind": "MCPWorkload",
        "metadata": {"name": "weather-report", "labels": {"team": "x"}},
        "spec": {
            "image": "ghcr.io/acme/Weather_Report:1.4",
            "transport": {"type": "streamable-http", "port": 8080},
            "args": ["--verbose", "now"],
            "env": [{"name": "CITY", "value": "a=b"}],
            "labels": {"team": "x"},
        },
    }
    assert harness.target is None
    assert (
        yaml.safe_load(harness.run(*words, "-n", "tools").stdout)["metadata"]["namespace"]
        == "tools"
    )
    as_json = json.loads(harness.run(*words, "-o", "json").stdout)
    assert as_json == yaml.safe_load(harness.run(*words).stdout)


def test_what_is_applied_is_what_a_dry_run_prints() -> None:
    """The same spec, then its URL on stdout once it is ready."""
    words = ("acme/weather:1", "--port", "9000", "--entrypoint", "serve", "--stdin")
    harness = CommandHarness()

    result = harness.run("run", *words)

    assert (result.exit_code, result.stdout) == (
        ExitCode.OK,
        "demo/weather is ready: http://weather.demo.svc:8080/mcp\n",
    )
    assert harness.spec() == dry_run(*words)["spec"]


def test_ports() -> None:
    """A transport's port beside further ones, of which one is offered under another number."""
    spec = dry_run("acme/weather", "--port", "9000", "--expose", "9090", "-p", "80:8081")["spec"]

    assert spec["transport"]["port"] == 9000
    assert [(port["port"], port.get("servicePort")) for port in spec["ports"]] == [
        (8081, 80),
        (9090, None),
    ]
    assert dry_run("acme/weather", "--port", "9000")["spec"].get("env") is None


@pytest.mark.parametrize(
    ("words", "port", "further"),
    [
        pytest.param(("--expose", "9090"), 8080, [(9090, None)], id="exposed"),
        pytest.param(("--expose", "53/udp"), 8080, [(53, None)], id="over UDP"),
        pytest.param(("--publish", "9000:9001"), 8080, [(9001, 9000)], id="published"),
        pytest.param(
            ("--expose", "8080", "--expose", "9090"), 8080, [(9090, None)], id="with its own"
        ),
        pytest.param(
            ("--expose", "9090", "--expose", "9091"),
            8080,
            [(9090, None), (9091, None)],
            id="several",
        ),
        pytest.param(
            ("--expose", "9090", "-e", "MCP_PORT=3000"), 3000, [(9090, None)], id="as it is told"
        ),
    ],
)
def test_a_further_port_leaves_the_transports(
    words: tuple[str, ...], port: int, further: list[tuple[int, int | None]]
) -> None:
    """Without --port, too."""
    spec = dry_run("acme/weather", *words)["spec"]

    assert spec["transport"]["port"] == port
    assert [(each["port"], each.get("servicePort")) for each in spec["ports"]] == further


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("A=1\nexport B=S3KRIT\n", "line 2: leave export out"),
        ("A=1\n\nS3KRIT\n", "line 3: it has no ="),
        ("=S3KRIT", "line 1: write KEY=VALUE"),
        ("S3KRITÄ=1", "line 1: write KEY=VALUE"),
    ],
)
def test_a_wrong_line_of_a_file_is_not_repeated(tmp_path: Path, content: str, said: str) -> None:
    """It may be a piece of a key: the number has to do."""
    file = tmp_path / "server.env"
    file.write_text(content)

    result = CommandHarness().run("run", "acme/weather", "--dry-run", "--env-file", str(file))

    assert result.exit_code == ExitCode.USAGE
    assert f"--env-file {file}, {said}" in result.stderr
    assert "S3KRIT" not in result.output + result.stderr


def test_a_file_of_another_editor(tmp_path: Path) -> None:
    """A byte order mark, Windows' line ends, and characters that end a line to Python alone."""
    file = tmp_path / "server.env"
    file.write_bytes("\ufeffA=1\r\nB=x\x0by\u2028z\r\n".encode())

    env = dry_run("acme/weather", "--env-file", str(file))["spec"]["env"]

    assert env == [{"name": "A", "value": "1"}, {"name": "B", "value": "x\x0by\u2028z"}]


def test_a_patch_comes_from_a_file_or_from_the_command_line(tmp_path: Path) -> None:
    """As RFC 6902 writes it."""
    patch = tmp_path / "patch.json"
    patch.write_text('[{"op": "remove", "path": "/spec/volumes"}]')

    for words in (f"@{patch}", patch.read_text()):
        spec = dry_run("a/b", "--patch", words)["spec"]
        assert spec["podTemplatePatch"] == [{"op": "remove", "path": "/spec/volumes"}]


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (("--permission-profile", "none"), {"permissionProfile": {"builtin": "none"}}),
        (("--permission-profile", "network"), {"permissionProfile": {"builtin": "network"}}),
        (("--isolate-network",), {"isolateNetwork": True}),
        (
            ("--permission-profile", "configmap:profiles/a.json", "--isolate-network"),
            {
                "permissionProfile": {"configMapKeyRef": {"name": "profiles", "key": "a.json"}},
                "isolateNetwork": True,
            },
        ),
    ],
)
def test_what_a_server_may_do(words: tuple[str, ...], fields: Manifest) -> None:
    """As the spec has it; without the options the spec has none of these fields."""
    spec = dry_run("a/b", *words)["spec"]

    assert spec == {**dry_run("a/b")["spec"], **fields}


@pytest.mark.parametrize("name", ["weather.json", "weather.yaml", "weather"])
def test_a_profile_comes_from_a_file(tmp_path: Path, name: str) -> None:
    """ToolHive's JSON as it is, or YAML where the name says so."""
    profile = {"network": {"outbound": {"allow_host": [".example.com"], "allow_port": [443]}}}
    path = tmp_path / name
    write = yaml.safe_dump if name.endswith("yaml") else json.dumps
    path.write_text(write(profile))

    spec = dry_run("a/b", "--permission-profile", str(path))["spec"]

    outbound = {"allowHost": [".example.com"], "allowPort": [443]}
    assert spec["permissionProfile"] == {"network": {"outbound": outbound}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"network": {"outbound": {"allow_host": ["http://a"]}}}', "allow_host[0]"),
        ('{"network": {"outbound": {"allow_port": [0]}}}', "allow_port"),
        ('{"read": ["a:b:c:d"]}', "read[0]"),
        ('{"read": ["s3://bucket:/data"]}', "s3://"),
        ('{"reed": []}', "reed: no such field"),
        ("{", "is not JSON"),
    ],
)
def test_a_profile_that_is_none_is_refused_by_its_entry(
    tmp_path: Path, text: str, words: str
) -> None:
    """With the file and the rule, before anything is sent."""
    path = tmp_path / "weather.json"
    path.write_text(text)
    harness = CommandHarness()

    result = harness.run("run", "a/b", "--permission-profile", str(path))

    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert result.stderr.startswith(f"error: --permission-profile {path}: ")
    assert words in result.stderr
    assert "permission_profile" not in result.stderr
    assert harness.connection.requests == []


@pytest.mark.parametrize("text", ["configmap:profiles", "configmap:/key", "missing.json"])
def test_a_profile_that_is_nowhere_is_refused(text: str) -> None:
    """A name without a key, and a file that is not there."""
    result = CommandHarness().run("run", "a/b", "--permission-profile", text)

    assert result.exit_code == ExitCode.USAGE
    assert text in result.stderr


def test_what_a_first_server_with_a_key_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables from Secrets and files, amounts, an account: each in its field, and no other."""
    monkeypatch.setenv("FROM_HERE", "x=y")
    file = tmp_path / "server.env"
    file.write_text("# for tests\n\nCITY=Oslo\nFROM_HERE\nTOKEN=a b=c\n")
    words = (
        *("--env-file", str(file), "-e", "CITY=Bergen"),
        *("--env-from", "secret/key", "--env-from", "configmap/settings"),
        *("--memory", "512Mi", "--cpu", "500m", "--replicas", "2"),
        *("--image-pull-secret", "pull", "--service-account", "weather"),
    )

    spec = dry_run("acme/weather", *words)["spec"]

    assert {entry["name"]: entry["value"] for entry in spec.pop("env")} == {
        "CITY": "Bergen",
        "FROM_HERE": "x=y",
        "TOKEN": "a b=c",
    }
    assert spec == {
        "image": "acme/weather",
        "transport": {"type": "streamable-http", "port": 8080},
        "replicas": 2,
        "envFrom": [{"secretRef": {"name": "key"}}, {"configMapRef": {"name": "settings"}}],
        "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}},
        "imagePullSecrets": [{"name": "pull"}],
        "serviceAccountName": "weather",
    }
    harness = CommandHarness()
    assert harness.run("run", "acme/weather", *words).exit_code == ExitCode.OK
    assert harness.spec()["envFrom"] == spec["envFrom"]


@pytest.mark.parametrize(
    ("there", "image", "words", "code"),
    [
        ("one/weather:1", "two/weather:1", (), ExitCode.USAGE),
        ("acme/weather:1", "ghcr.io/acme/weather:1", (), ExitCode.USAGE),
        ("one/weather:1", "one/weather:2", (), ExitCode.OK),
        ("docker.io/library/weather", "weather@sha256:" + "0" * 64, (), ExitCode.OK),
        ("one/weather:1", "two/weather:1", ("--name", "weather"), ExitCode.OK),
    ],
)
def test_a_derived_name_replaces_no_other_image(
    there: str, image: str, words: tuple[str, ...], code: ExitCode
) -> None:
    """Whoever did not choose the name does not mean the workload that has it."""
    body = make_body()
    body["spec"]["image"] = there
    harness = CommandHarness(body)

    result = harness.run("run", image, *words)

    assert result.exit_code == code, result.stderr
    assert harness.spec()["image"] == (image if code is ExitCode.OK else there)
    if code is not ExitCode.OK:
        assert f"demo/weather runs another image, {there}: choose a name with --name" in (
            result.stderr
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--name", "Weather"), "--name: found"),
        (("--memory", "1 GB"), "spec.resources.limits.memory: found"),
        (("--label", "a b=c"), "metadata.labels[a b]: found"),
    ],
)
def test_a_dry_run_prints_nothing_that_the_cluster_would_refuse(
    words: tuple[str, ...], said: str
) -> None:
    """What is committed has to be what is taken."""
    result = CommandHarness().run("run", "a/b", "--dry-run", *words)

    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-e", "NOT_SET_HERE"), "--env NOT_SET_HERE: it is not set here"),
        (("-l", "team"), "--label team: write KEY=VALUE"),
        (("--patch", "{"), "--patch is not JSON"),
        (("--patch", "@/nothing"), "--patch: /nothing cannot be read"),
        (("-e", "=x"), "--env =x: write KEY=VALUE"),
        (("-e", "Ä=x"), "--env Ä=x: write KEY=VALUE"),
        (("--env-file", "/nothing"), "--env-file: /nothing cannot be read"),
        (("--env-from", "key"), "--env-from key: write secret/NAME or configmap/NAME"),
        (("--env-from", "pod/key"), "--env-from pod/key: write secret/NAME or configmap/NAME"),
        (("--replicas", "-1"), "Invalid value for '--replicas'"),
        (("--publish", "80"), "--publish 80: write SERVICE:PORT"),
        (("--expose", "many"), "'many' is no port"),
        (("--transport", "tcp"), "Invalid value for '--transport'"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], said: str) -> None:
    """Before anything is asked of a cluster, with the flag in the message."""
    harness = CommandHarness()

    result = harness.run("run", "acme/weather", *words)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert harness.connection.requests == []


@pytest.mark.parametrize(
    ("program", "args", "command", "rest"),
    [
        (registry.Program(("node", "x.js"), ("--a",)), (), ["node", "x.js"], ["--a"]),
        (registry.Program(("node", "x.js"), ("--a",)), ("--b",), ["node", "x.js"], ["--b"]),
        (registry.Program((), ("python", "x.py")), (), ["python"], ["x.py"]),
    ],
    ids=["both", "arguments of the caller", "no entry point"],
)
def test_a_stdio_server_gets_its_program(
    program: registry.Program,
    args: tuple[str, ...],
    command: list[str],
    rest: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Entry point and arguments are those that a container runtime would start."""
    monkeypatch.setattr(registry, "read_program", lambda _: program)

    spec = dry_run("a/b", "--transport", "stdio", *(("--", *args) if args else ()))["spec"]

    assert (spec["command"], spec["args"]) == (command, rest)


def test_an_image_that_cannot_be_read_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, and the workload without a command; with --entrypoint nobody is asked."""

    def fail(image: str) -> registry.Program:
        raise registry.ImageUnreadable(f"no {image}")

    monkeypatch.setattr(registry, "read_program", fail)
    words = ("run", "a/b", "--transport", "stdio", "--dry-run")

    result = CommandHarness().run(*words)

    assert "command" not in yaml.safe_load(result.stdout)["spec"]
    assert result.stderr.startswith("note: no a/b; give --entrypoint")
    assert CommandHarness().run(*words, "--entrypoint", "serve").stderr == ""
    assert CommandHarness().run(*words, "--stdin").stderr == ""


def test_a_stdio_server_has_either_a_bridge_or_an_open_stdin() -> None:
    """Not by both: each would hear the other's answers."""
    words = ("a/b", "--transport", "stdio", "--entrypoint", "serve")

    assert "stdio" not in dry_run(*words)["spec"]["transport"]
    spec = dry_run(*words, "--stdin")["spec"]
    assert (spec["stdin"], spec["transport"]["stdio"]) == (True, {"bridge": "None"})

    def settle_without_url(body: Manifest) -> None:
        settle(body)
        del body["status"]["url"]

    harness = CommandHarness()
    harness.connection.react = settle_without_url
    assert harness.run("run", *words, "--stdin", "--name", "weather").stdout == (
        "demo/weather is ready\n"
    )
