"""Which cluster is used, and what is refused."""

from pathlib import Path

import pytest

from hack.cluster.choose import choose_cluster
from hack.cluster.current import build_load_command, is_test_context
from hack.cluster.kind import build_configuration, node_image
from hack.cluster.protocol import VERSIONS, Options
from hack.local.binaries import kubernetes
from hack.terminal import ToolError


@pytest.mark.parametrize(
    ("context", "allowed", "accepted"),
    [
        pytest.param("kind-mcpworkload", None, True, id="kind"),
        pytest.param("k3d-dev", None, True, id="k3d"),
        pytest.param("minikube", None, True, id="minikube"),
        pytest.param("docker-desktop", None, True, id="Docker Desktop"),
        pytest.param("mcpworkload-local", None, True, id="ours"),
        pytest.param("team-test-1", None, True, id="named as a test cluster"),
        pytest.param("prod-eu", None, False, id="anything else"),
        pytest.param("prod-eu", "prod-eu", True, id="named by the caller"),
        pytest.param("prod-eu", "prod-us", False, id="another one was named"),
    ],
)
def test_only_test_clusters_are_touched(context: str, allowed: str | None, accepted: bool) -> None:
    """A wrong current context must never cost anybody a namespace."""
    assert is_test_context(context, allowed) is accepted


def test_an_unknown_kind_of_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo must not fall back to another cluster."""
    monkeypatch.setenv("CLUSTER", "knd")

    with pytest.raises(ToolError, match="none of auto, current, kind, local"):
        choose_cluster()


def test_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty means unset, and the command line wins."""
    monkeypatch.setenv("KUBERNETES_VERSION", "")
    monkeypatch.setenv("CRASH_BACKOFF", "1s")
    monkeypatch.setenv("FEATURE_GATES", "")

    assert Options.from_environment() == Options(restart_backoff="1s")
    assert Options.from_environment("2s").restart_backoff == "2s"


def test_an_unknown_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most releases can't be built from modules: the line names those that can."""
    monkeypatch.setenv("KUBERNETES_VERSION", "1.35.6")

    with pytest.raises(ToolError, match=r"use one of 1\.34\.2, 1\.35\.4, 1\.36\.1"):
        Options.from_environment()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_can_be_had_in_both_ways(version: str) -> None:
    """Each version has its modules and a node image of the same minor version."""
    assert (kubernetes(version).sources / "go.sum").exists()
    assert f":v{version.rpartition('.')[0]}." in node_image(version)


def test_feature_gates_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Kubernetes' own programs read them."""
    monkeypatch.setenv("FEATURE_GATES", "One=true,Other=false")

    assert Options.from_environment().gates == {"One": True, "Other": False}
    assert Options().gates == {}


@pytest.mark.parametrize("gates", ["One", "One=yes", "One=true,", "One=true Other=false"])
def test_feature_gates_that_no_program_would_take_are_refused(
    gates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a component ends for it."""
    monkeypatch.setenv("FEATURE_GATES", gates)

    with pytest.raises(ToolError, match="write Name=true,Other=false"):
        Options.from_environment()


def test_kind_receives_the_paths_the_gates_and_the_back_off() -> None:
    """Nothing of the template is left over."""
    options = Options(restart_backoff="1s", feature_gates="One=true")
    configuration = build_configuration(Path("/cache/audit"), options)

    assert "$" not in configuration
    assert 'hostPath: "/cache/audit"' in configuration
    assert 'featureGates: {"One": true}' in configuration
    assert 'crashLoopBackOff: {"maxContainerRestartPeriod": "1s"}' in configuration


@pytest.mark.parametrize(
    ("context", "program"),
    [("kind-a", "kind"), ("minikube", "minikube"), ("k3d-a", "k3d"), ("team-test", None)],
)
def test_archives_are_loaded_by_the_clusters_own_tool(context: str, program: str | None) -> None:
    """A cluster that we know nothing about takes no archives."""
    command = build_load_command(context, Path("image.tar"))

    assert (command[0] if command else None) == program
