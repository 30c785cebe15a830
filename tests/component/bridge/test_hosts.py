"""Under which names we may be addressed, and by which pages."""

import json
import sys
from pathlib import Path

import pytest

from mcpworkload.protocol.origins import Hosts, cluster_domains
from tests.support.bridges import JSON_HEADERS, PLAIN, initialize, running

#: It reads, and never answers.
SILENT = (sys.executable, "-S", "-I", "-c", "import sys; sys.stdin.read()")
EVIL = {"origin": "https://evil.example"}
HOSTS = Hosts(
    "team",
    ("web", "web-svc"),
    ("mcp.example", "other.example:8443"),
    ("https://app.example",),
    ("my.domain", "cluster.local"),
)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8080", "127.0.0.1:8080", "10.1.2.3", "[::1]:8080", "[fd00::1]",
        "web", "web:8080", "WEB", "web.", "web.team", "web.team:80", "web.team.svc",
        "web.team.svc.cluster.local", "web.team.svc.cluster.local.:8080", "web.team.svc.my.domain",
        "web-svc.team.svc", "web-0.web", "web-0.web.team.svc.cluster.local:8080",
        "mcp.example", "mcp.example:443", "other.example:8443",
    ],
)  # fmt: skip
def test_our_names_are_served(host: str) -> None:
    """In every form in which DNS has them, with any port."""
    assert HOSTS.serves(host)


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "web.evil.example", "web.team.evil", "web.team.svcx", "web.other",
        "web.other.svc", "a.b.web", "a.b.web.team.svc", "evil.web", "web-x.web", "other-0.web",
        "xweb", "web.team.svc.evil",
        "other.example", "other.example:80", "localhost.evil.example", "127.0.0.1.evil.example",
        "[::1", "team", "svc",
    ],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    """Least of all those that a page could point here."""
    assert not HOSTS.serves(host)


@pytest.mark.parametrize(
    ("resolver", "domains"),
    [
        ("search team.svc.my.domain svc.my.domain my.domain\nnameserver 10.0.0.1\n",
         ("my.domain", "cluster.local")),
        ("nameserver 10.0.0.1\nsearch team.svc.cluster.local. svc.cluster.local cluster.local\n",
         ("cluster.local",)),
        ("search other.svc.evil xteam.svc.evil team.svc. example\n", ("cluster.local",)),
        ("", ("cluster.local",)),
        (None, ("cluster.local",)),
    ],
)  # fmt: skip
def test_the_clusters_domain_is_what_the_pod_searches(
    resolver: str | None, domains: tuple[str, ...], tmp_path: Path
) -> None:
    """Where it says nothing, what clusters have by default."""
    path = tmp_path / "resolv.conf"
    if resolver is not None:
        path.write_text(resolver)

    assert cluster_domains("team", path) == domains


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        ("https://app.example", True),
        ("https://APP.example/", True),
        ("http://web.team:8080", False),
        ("http://localhost:8080", False),
        ("http://app.example", False),
        ("https://app.example.evil", False),
        ("null", False),
        ("", False),
    ],
)
def test_pages_are_admitted_if_listed(origin: str, admitted: bool) -> None:
    """Not those of a name of ours, which may be somebody's outside of the cluster."""
    assert HOSTS.admits(origin, "web.team:8080") is admitted


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_a_page_that_came_from_here_is_admitted(host: str) -> None:
    """Where nobody could have pointed its name here: through a port-forward, say."""
    assert HOSTS.admits(f"http://{host}", host)
    assert not HOSTS.admits(f"http://{host}", "web.team:8080")
    assert not HOSTS.admits("http://localhost:6274", host)


async def test_requests_are_refused_by_name_and_page() -> None:
    """Before anything else happens; the probe of the kubelet is not."""
    options = ("--allowed-origin", "https://app.example", "--allowed-host", "mcp.example")
    async with running(*PLAIN, "legacy", options=options) as bridge:
        found = {
            name: await bridge.in_session(None, initialize(), **headers)
            for name, headers in {
                "service": {"host": "web-0.web.team.svc.cluster.local"},
                "allowed": {"host": "mcp.example"},
                "rebound": {"host": "evil.example"},
                "page": {"origin": "https://evil.example"},
                "null": {"origin": "null"},
                "listed": {"origin": "https://app.example"},
            }.items()
        }
        probe = await bridge.request("GET", "/readyz", headers={"host": "evil.example"})

    assert {name: answer.status for name, answer in found.items()} == {
        "service": 200, "allowed": 200, "rebound": 421, "page": 403, "null": 403, "listed": 200,
    }  # fmt: skip
    assert b"allowedHosts" in found["rebound"].body
    assert b"allowedOrigins" in found["page"].body
    assert probe.status == 200
    assert b"write transport: {allowedOrigins: ['https://evil.example']}" in found["page"].body
    assert b"allowedOrigins: [" not in found["null"].body
    assert not any(b" b'" in answer.body for answer in found.values())


async def test_listed_pages_can_read_the_answers() -> None:
    """Their browsers ask first, and are told which headers the page may send and see."""
    page = {"origin": "https://app.example"}
    asking = {
        **page,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,mcp-session-id,mcp-param-region",
    }
    options = ("--allowed-origin", "https://app.example")
    async with running(*PLAIN, "legacy", options=options) as bridge:
        may = await bridge.request("OPTIONS", headers=asking)
        opened = await bridge.in_session(None, initialize(), **page)
        other = await bridge.request("OPTIONS", headers={"origin": "https://evil.example"})
        plain = await bridge.in_session(None, initialize())

    assert may.status == 204
    assert may.headers["access-control-allow-origin"] == "https://app.example"
    assert may.headers["access-control-allow-methods"] == "POST, GET, DELETE"
    assert may.headers["access-control-allow-headers"] == asking["access-control-request-headers"]
    assert opened.headers["access-control-allow-origin"] == "https://app.example"
    assert opened.headers["access-control-expose-headers"] == "mcp-session-id"
    assert (other.status, "access-control-allow-origin" in other.headers) == (403, False)
    assert "access-control-allow-origin" not in plain.headers


async def test_the_reason_for_not_ready_is_sent_only_to_our_own_hosts() -> None:
    """A page that pointed its own name here learns no more than a status does."""
    options = ("--allowed-host", "mcp.example")
    async with running(*SILENT, options=options, ready=False) as bridge:
        await bridge.listening()
        told = {
            host: await bridge.request("GET", "/readyz", headers={"host": host, **page})
            for host, page in (
                ("10.1.2.3:8080", {}), ("localhost", {}), ("web.team", {}), ("mcp.example", {}),
                ("evil.example", {}), ("web.evil.example", {}), ("10.0.0.1", EVIL), ("", {}),
            )
        }  # fmt: skip

    assert {answer.status for answer in told.values()} == {503}
    known = {host for host, answer in told.items() if answer.body != b"not ready\n"}
    assert known == {"10.1.2.3:8080", "localhost", "web.team", "mcp.example"}
    assert all(b"has not answered" in told[host].body for host in known)


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/deep/er", "/deep/er/"])
async def test_a_slash_at_the_end_makes_no_difference(path: str) -> None:
    """Clients add or drop it as their own servers are used to."""
    options = ("--path", path, "--serve", "streamable-http,sse")
    other = path[:-1] if path.endswith("/") else f"{path}/"
    body = json.dumps(initialize()).encode()
    async with running(*PLAIN, "legacy", options=options) as bridge:
        found = [
            await bridge.request("POST", each, body=body, headers=JSON_HEADERS)
            for each in (path, other, f"{path}x", f"{path}//")
        ]
        messages = [
            await bridge.request("POST", f"{each}?session_id=x", body=body, headers=JSON_HEADERS)
            for each in ("/messages", "/messages/")
        ]
        refused = [await bridge.request("POST", each, body=b"") for each in ("/sse", "/sse/")]
        ready = await bridge.request("GET", "/readyz/")

    assert [answer.status for answer in found] == [200, 200, 404, 404]
    assert [answer.status for answer in messages] == [404, 404]
    assert all(answer.body == messages[0].body for answer in messages)
    assert [answer.status for answer in refused] == [405, 405]
    assert ready.status == 200
