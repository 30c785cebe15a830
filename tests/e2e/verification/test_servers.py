"""Real servers in the cluster: who they are, as their workloads' status says it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.support.api import Api
from tests.support.cluster import ROOT
from tests.support.kinds import Manifest
from tests.support.manifests import make_object
from tests.support.namespace import Namespace
from tests.support.operator_under_test import restart_in_cluster
from tests.support.predicates import Predicate, condition_of, field, has_condition, is_ready
from tests.support.real_servers import (
    ALL,
    COUNTED_SSE,
    GUARDED,
    HANGS,
    PLAIN,
    REFUSES,
    TOKEN,
    RealServer,
)
from tests.support.secret_rights import give_rights_on_secrets, take_rights_on_secrets

READY_SECONDS = 90
HEADERS_FROM = {"headersFrom": [{"secretRef": {"name": "probe"}}]}


def expect_server(workload: Manifest, server: RealServer) -> None:
    """What the status says of it: all that comes with the write that says Ready."""
    verified = condition_of(workload, "Verified")
    assert (verified["status"], verified["reason"]) == ("True", "HandshakeOk"), verified
    told = workload["status"]["server"]
    named = (told["era"], told["name"], told["version"])
    assert named == (server.era, server.name, server.version)
    assert told["protocolVersion"] == ("2026-07-28" if server.era == "modern" else "2025-11-25")
    assert told["tools"]["count"] == server.tools
    assert told["tools"]["digest"].startswith("sha256:")


@pytest.mark.parametrize("server", [*ALL, REFUSES, HANGS], ids=lambda server: server.label)
async def test_a_server_is_known_when_it_is_ready(namespace: Namespace, server: RealServer) -> None:
    """Of each SDK, over each transport, in each era."""
    expect_server(await namespace.settle(server.manifest(), READY_SECONDS), server)


@pytest.mark.parametrize(
    ("sample", "era", "name"),
    [
        ("everything", "legacy", "mcp-servers/everything"),
        ("sse", "legacy", "mcp-servers/everything"),
        ("stdio", "modern", "mcp-time"),
        # The one process that all share is in the era that it was opened in.
        ("stdio-attach", "legacy", "mcp-time"),
        ("stdio-sse", "legacy", "mcp-servers/everything"),
    ],
)
async def test_a_sample_is_known_when_it_is_ready(
    namespace: Namespace, sample: str, era: str, name: str
) -> None:
    """Also where a bridge answers for a stdio server, in its container or attached to it."""
    manifest: Manifest = yaml.safe_load((ROOT / "deploy/samples" / f"{sample}.yaml").read_text())
    manifest["spec"]["terminationGracePeriodSeconds"] = 2

    workload = await namespace.settle(manifest, READY_SECONDS)

    verified = condition_of(workload, "Verified")
    assert (verified["status"], verified["reason"]) == ("True", "HandshakeOk"), verified
    told = workload["status"]["server"]
    assert (told["era"], told["name"]) == (era, name)
    assert told["version"]
    assert told["tools"]["count"] > 0


async def test_a_server_behind_a_token_is_ready_and_not_known(namespace: Namespace) -> None:
    """With the name of a Secret that the operator may not read, the condition says so."""
    await namespace.create(make_object("Secret", "probe", stringData={"Authorization": "x"}))
    workload = await namespace.settle(GUARDED.manifest(), READY_SECONDS)
    verified = condition_of(workload, "Verified")
    assert (verified["status"], verified["reason"]) == ("Unknown", "AuthRequired"), verified
    assert "verification.headersFrom" in verified["message"]
    assert field(workload, "status", "server") is None

    await namespace.apply(GUARDED.manifest(verification=HEADERS_FROM))

    await namespace.until("MCPWorkload", GUARDED.label, says("Verified", "not allowed to read"))


@pytest.fixture
async def _rights_on_secrets(api: Api) -> AsyncIterator[None]:
    """What `deploy/overlays/secrets` gives; the operator is restarted to notice at once."""
    await give_rights_on_secrets(api)
    restart_in_cluster()
    try:
        yield
    finally:
        await take_rights_on_secrets(api)
        restart_in_cluster()


@pytest.mark.alone
@pytest.mark.usefixtures("_rights_on_secrets")
async def test_a_server_behind_a_token_is_known_with_it(namespace: Namespace) -> None:
    """The header comes from a Secret that is there later than the server; nothing shows it."""
    workload = await namespace.settle(GUARDED.manifest(verification=HEADERS_FROM), READY_SECONDS)
    assert condition_of(workload, "Verified")["reason"] == "AuthRequired"

    token = {"Authorization": f"Bearer {TOKEN}"}
    await namespace.create(make_object("Secret", "probe", stringData=token))

    verified = has_condition("Verified", "True", "HandshakeOk")
    workload = await namespace.until("MCPWorkload", GUARDED.label, verified)
    expect_server(workload, GUARDED)
    assert TOKEN not in str(workload["status"])
    assert TOKEN not in namespace.operator_log()


def says(kind: str, *words: str) -> Predicate:
    """The message of a condition has one of these words."""

    def holds(workload: Manifest | None) -> bool:
        message = condition_of(workload or {}, kind).get("message", "")
        return any(each in message for each in words)

    return Predicate(f"{kind} says {' or '.join(words)}", holds)


def wrong(server: RealServer, label: str, **transport: Any) -> Manifest:
    """A workload with other words in its transport than its server needs."""
    fields = {"type": server.kind, "path": server.path, **transport}
    return replace(server, label=label).manifest(transport=fields)


NOT_MCP = has_condition("Ready", "False", "NotMcp")
#: The kubelet cannot connect, either; who finds that first reports it.
UNHEARD = has_condition("Ready", "False", "ConnectionRefused") | has_condition(
    "Ready", "False", "ProbeFailing"
)
WRONG = {
    "path": (wrong(PLAIN, "path", path="/wrong"), NOT_MCP, "transport.path to /mcp"),
    "type-streamable": (
        wrong(COUNTED_SSE, "type-streamable", type="streamable-http"),
        NOT_MCP,
        "transport.type to sse",
    ),
    "type-sse": (
        wrong(PLAIN, "type-sse", type="sse"),
        NOT_MCP | has_condition("Ready", "False", "ProtocolError"),
        "transport.type to streamable-http",
    ),
    "scheme": (wrong(PLAIN, "scheme", scheme="HTTPS"), NOT_MCP, "transport.scheme to HTTP"),
    "address": (
        replace(PLAIN, label="address", args=(*PLAIN.args, "--address", "127.0.0.1")).manifest(),
        UNHEARD,
        "127.0.0.1",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_field_is_named_and_mended(namespace: Namespace, name: str) -> None:
    """Ready is False with what was seen and what to write; with that, it is True."""
    manifest, reason, words = WRONG[name]
    await namespace.apply(manifest)

    wrong = await namespace.until("MCPWorkload", name, reason & says("Ready", words), READY_SECONDS)

    assert condition_of(wrong, "Ready")["observedGeneration"] == wrong["metadata"]["generation"]
    if name != "address":
        assert condition_of(wrong, "Verified")["status"] == "False"
    server = COUNTED_SSE if name == "type-streamable" else PLAIN
    await namespace.apply(replace(server, label=name).manifest())
    expect_server(await namespace.until("MCPWorkload", name, is_ready(), READY_SECONDS), server)
