"""A server that speaks TLS itself, from its sample."""

import ssl

import aiohttp
import yaml

from tests.support.cluster import ROOT, Cluster
from tests.support.mcp_calls import forwarded
from tests.support.namespace import Namespace

SAMPLE = ROOT / "deploy" / "samples" / "tls.yaml"
READY_SECONDS = 90
PING = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}}  # fmt: skip


async def test_a_tls_server_is_ready_and_answers_under_its_url(
    namespace: Namespace, cluster: Cluster
) -> None:
    """So does its readiness probe, which names no scheme, and its certificate is its own."""
    settings, workload = yaml.safe_load_all(SAMPLE.read_text(encoding="utf-8"))
    assert "scheme" not in workload["spec"]["probes"]["readiness"]["httpGet"]
    await namespace.apply(settings)

    settled = await namespace.settle(workload, READY_SECONDS)

    assert settled["status"]["url"] == f"https://tls.{namespace.name}.svc:8443/mcp"
    here = ("--namespace", namespace.name, "exec", "tls-0", "--container=mcp", "--")
    certificate = await cluster.kubectl(*here, "cat", "/certificate/tls.crt")
    trusted = ssl.create_default_context(cadata=certificate)
    async with (
        forwarded(namespace.name, "service/tls") as port,
        aiohttp.ClientSession() as session,
        session.post(
            f"https://127.0.0.1:{port}/mcp",
            json=PING,
            headers={"Accept": "application/json, text/event-stream"},
            ssl=trusted,
            server_hostname="tls",
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()
