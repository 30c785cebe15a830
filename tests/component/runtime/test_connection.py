"""Where a connection comes from, and what is said when there is none."""

import json
from pathlib import Path

import pytest

from mcpworkload.runtime import RightsMissing, RuntimeUnavailable, is_kubernetes_runtime
from mcpworkload.runtime.connection import Connection, core_path, workloads_path
from tests.support.fake_api import FakeApi


@pytest.fixture(autouse=True)
def _outside_of_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found in the environment."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """A kubeconfig with two contexts, one of them with a namespace."""
    path = tmp_path / "kubeconfig"
    contexts = {
        "here": {"cluster": "c", "user": "u", "namespace": "team"},
        "there": {"cluster": "c", "user": "u"},
    }
    path.write_text(
        json.dumps(
            {
                "current-context": "here",
                "contexts": [{"name": name, "context": contexts[name]} for name in contexts],
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {"token": "secret"}}],
            }
        )
    )
    return path


@pytest.mark.parametrize(
    ("namespace", "context", "used"),
    [
        (None, None, "team"),
        ("sky", None, "sky"),
        (None, "there", "default"),
        ("sky", "there", "sky"),
    ],
)
async def test_the_namespace_is_the_one_asked_for_or_the_contexts(
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
    namespace: str | None,
    context: str | None,
    used: str,
) -> None:
    """KUBECONFIG counts as it is now, not as it was at import."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    async with await Connection.from_environment(namespace, context) as connection:
        assert connection.namespace == used


async def test_an_api_server_that_is_not_there_is_unavailable(kubeconfig: Path) -> None:
    """In one error, whatever the HTTP client calls it; the token is not in it."""
    async with await Connection.from_environment(kubeconfig=str(kubeconfig)) as connection:
        with pytest.raises(RuntimeUnavailable, match="does not answer") as caught:
            await connection.request("GET", workloads_path("team"))
        with pytest.raises(RuntimeUnavailable, match="does not answer"):
            await connection.read_text(core_path("pods", "team", "weather-0", "log"))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "[", "{}"])
async def test_an_unusable_kubeconfig_is_unavailable(tmp_path: Path, content: str | None) -> None:
    """Missing, empty, no YAML, or without what it needs."""
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)

    with pytest.raises(RuntimeUnavailable, match="no usable cluster configuration"):
        await Connection.from_environment(kubeconfig=str(path))


@pytest.mark.parametrize(
    "content",
    ["", "- a", "words", "42", "clusters: {a: b}", "contexts: 1", "users: {a: b}", "clusters: [a]"],
)
async def test_what_is_no_kubeconfig_is_called_so(tmp_path: Path, content: str) -> None:
    """By its path, not in Python's words."""
    path = tmp_path / "kubeconfig"
    path.write_text(content)

    with pytest.raises(RuntimeUnavailable, match=f"{path} is no kubeconfig"):
        await Connection.from_environment(kubeconfig=str(path))


async def test_a_plugin_that_is_not_installed_is_named(kubeconfig: Path) -> None:
    """The file is there; what it names is not."""
    config = json.loads(kubeconfig.read_text())
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login"}
    config["users"][0]["user"] = {"exec": run}
    kubeconfig.write_text(json.dumps(config))

    with pytest.raises(RuntimeUnavailable, match="no-such-login, which logs user u in, is not"):
        await Connection.from_environment(kubeconfig=str(kubeconfig))


async def test_a_context_that_does_not_exist_is_named(kubeconfig: Path) -> None:
    """Nothing else is taken in its place."""
    with pytest.raises(RuntimeUnavailable, match="nowhere"):
        await Connection.from_environment(context="nowhere", kubeconfig=str(kubeconfig))


async def test_in_a_pod_its_own_cluster_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the seed tells; without a mounted token that is an error, not another cluster."""
    assert not is_kubernetes_runtime()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert is_kubernetes_runtime()

    with pytest.raises(RuntimeUnavailable, match="token"):
        await Connection.from_environment()


PLUGIN = """#!/bin/sh
echo x >> "$0.calls"
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
echo ' "status": {"token": "token-'$(wc -l < "$0.calls")'"}}'
"""


async def test_credentials_of_a_plugin_are_renewed_when_they_expire(tmp_path: Path) -> None:
    """A library lives longer than a token: the request is repeated, once."""
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o700)
    api = FakeApi([[]], accepted="token-2")
    async with api.serve() as host:
        run = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
        path = tmp_path / "kubeconfig"
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": host}}],
            "users": [{"name": "u", "user": {"exec": run}}],
        }
        path.write_text(json.dumps(config))

        async with await Connection.from_environment(kubeconfig=str(path)) as connection:
            answer = await connection.request("GET", workloads_path("team"))

            api.accepted = "token-9"
            with pytest.raises(RightsMissing, match="log in again"):
                await connection.request("GET", workloads_path("team"))

    assert answer["items"] == []
    assert api.requests == ["401", "LIST", "401", "401"]
