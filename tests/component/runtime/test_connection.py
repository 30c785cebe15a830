"""Where a connection comes from, and what is said when there is none."""

import json
import ssl
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mcpworkload import __version__
from mcpworkload.kube.paths import core_path
from mcpworkload.runtime import RightsMissing, RuntimeUnavailable, is_kubernetes_runtime
from mcpworkload.runtime.connection import RuntimeConnection, workloads_path
from tests.support.certificate import self_signed
from tests.support.fake_api import FakeApi, write_kubeconfig


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

    async with await RuntimeConnection.from_environment(namespace, context) as connection:
        assert connection.namespace == used


async def test_an_api_server_that_is_not_there_is_unavailable(kubeconfig: Path) -> None:
    """In one error, whatever the HTTP client calls it; the token is not in it."""
    async with await RuntimeConnection.from_environment(kubeconfig=str(kubeconfig)) as connection:
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
        await RuntimeConnection.from_environment(kubeconfig=str(path))


@pytest.mark.parametrize(
    "content",
    ["", "- a", "words", "42", "clusters: {a: b}", "contexts: 1", "users: {a: b}", "clusters: [a]"],
)
async def test_what_is_no_kubeconfig_is_called_so(tmp_path: Path, content: str) -> None:
    """By its path, not in Python's words."""
    path = tmp_path / "kubeconfig"
    path.write_text(content)

    with pytest.raises(RuntimeUnavailable, match=f"{path} is no kubeconfig"):
        await RuntimeConnection.from_environment(kubeconfig=str(path))


async def test_a_plugin_that_is_not_installed_is_named(kubeconfig: Path) -> None:
    """The file is there; what it names is not."""
    config = json.loads(kubeconfig.read_text())
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login"}
    config["users"][0]["user"] = {"exec": run}
    kubeconfig.write_text(json.dumps(config))

    with pytest.raises(RuntimeUnavailable, match="no-such-login, which logs user u in, is not"):
        await RuntimeConnection.from_environment(kubeconfig=str(kubeconfig))


async def test_a_context_that_does_not_exist_is_named(kubeconfig: Path) -> None:
    """Nothing else is taken in its place."""
    with pytest.raises(RuntimeUnavailable, match="nowhere"):
        await RuntimeConnection.from_environment(context="nowhere", kubeconfig=str(kubeconfig))


async def test_in_a_pod_its_own_cluster_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the seed tells; without a mounted token that is an error, not another cluster."""
    assert not is_kubernetes_runtime()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert is_kubernetes_runtime()

    with pytest.raises(RuntimeUnavailable, match="token"):
        await RuntimeConnection.from_environment()


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

        async with await RuntimeConnection.from_environment(kubeconfig=str(path)) as connection:
            answer = await connection.request("GET", workloads_path("team"))

            api.accepted = "token-9"
            with pytest.raises(RightsMissing, match="log in again"):
                await connection.request("GET", workloads_path("team"))

    assert answer["items"] == []
    assert api.requests == ["401", "LIST", "401", "401"]


async def test_the_proxy_of_a_kubeconfig_is_used(tmp_path: Path) -> None:
    """The API server's own address need not be one that this machine can resolve."""
    api = FakeApi([[]], accepted="secret")
    async with api.serve() as proxy:
        path = write_kubeconfig(
            tmp_path / "kubeconfig", **{"server": "http://api.invalid", "proxy-url": proxy}
        )
        async with await RuntimeConnection.from_environment(kubeconfig=path) as connection:
            await connection.request("GET", workloads_path("team"))

    assert api.requests == ["LIST"]


async def test_the_name_in_a_certificate_may_be_another_than_the_address(tmp_path: Path) -> None:
    """A kubeconfig says which (`tls-server-name`)."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(self_signed(tmp_path, "api.example"))
    api = FakeApi([[], []])
    async with api.serve(server) as host:
        cluster = {"server": host, "certificate-authority": str(tmp_path / "server.crt")}
        right = {**cluster, "tls-server-name": "api.example"}
        path = write_kubeconfig(tmp_path / "right", **right)
        async with await RuntimeConnection.from_environment(kubeconfig=path) as connection:
            await connection.request("GET", workloads_path("team"))
        path = write_kubeconfig(tmp_path / "wrong", **cluster)
        async with await RuntimeConnection.from_environment(kubeconfig=path) as connection:
            with pytest.raises(RuntimeUnavailable, match="certificate"):
                await connection.request("GET", workloads_path("team"))

    assert api.requests == ["LIST"]


async def test_the_audit_log_knows_the_library_by_its_name(tmp_path: Path) -> None:
    """Not by that of the HTTP client."""
    api = FakeApi([[]])
    async with api.serve() as host:
        path = write_kubeconfig(tmp_path / "kubeconfig", server=host)
        async with await RuntimeConnection.from_environment(kubeconfig=path) as connection:
            await connection.request("GET", workloads_path("team"))

    assert api.agents == [f"mcpworkload/{__version__}"]


async def test_a_websocket_is_authorized_as_a_request_is(tmp_path: Path) -> None:
    """Without a token that is taken it is a missing right, as everywhere else."""

    async def accept(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer secret":
            return web.Response(status=401)
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await socket.prepare(request)
        await socket.send_bytes(b"\x01" + request.query["container"].encode())
        return socket

    app, path = web.Application(), core_path("pods", "team", "w-0", "attach")
    app.router.add_get(path, accept)
    query, protocols = [("container", "mcp")], ("v5.channel.k8s.io",)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        right = write_kubeconfig(tmp_path / "kubeconfig", server=url)
        async with (
            await RuntimeConnection.from_environment(kubeconfig=right) as connection,
            connection.websocket(path, query, protocols) as socket,
        ):
            assert await socket.receive_bytes() == b"\x01mcp"
        wrong = tmp_path / "wrong"
        wrong.write_text(Path(right).read_text().replace("secret", "stale"))
        async with await RuntimeConnection.from_environment(kubeconfig=str(wrong)) as connection:
            with pytest.raises(RightsMissing, match="log in again"):
                async with connection.websocket(path, query, protocols):
                    pass
