"""The command line that the operator writes."""

import pytest

from mcpworkload.bridge.options import Attach, BadOption, Install, Options, Serve, parse


def test_everything_after_the_dashes_is_the_servers() -> None:
    """Options that look like ours included."""
    asked = parse(["serve", "--port", "9000", "--", "server", "--port", "1", "--", "x"])

    assert asked == Serve(Options(port=9000), ("server", "--port", "1", "--", "x"))


def test_every_option_is_taken() -> None:
    """Repeated ones in their order, names of hosts in lower case."""
    line = (
        "attach --pod web-0 --container other --port 81 --path /a --serve sse,streamable-http"
        " --sessions Shared --max-sessions 3 --idle-timeout 1.5 --request-timeout 2 --grace 3"
        " --namespace team --service web --service web-svc --allowed-host A.example:8443"
        " --allowed-origin https://B.example/"
    )

    assert parse(line.split()) == Attach(
        Options(
            port=81,
            path="/a",
            serve=("sse", "streamable-http"),
            sessions="Shared",
            max_sessions=3,
            idle_timeout=1.5,
            request_timeout=2.0,
            grace=3.0,
            namespace="team",
            services=("web", "web-svc"),
            allowed_hosts=("a.example:8443",),
            allowed_origins=("https://b.example",),
        ),
        pod="web-0",
        container="other",
    )
    assert parse(["install", "/target"]) == Install("/target")


@pytest.mark.parametrize(
    ("serve", "path", "streamable", "sse"),
    [
        ("streamable-http", None, "/mcp", None),
        ("sse", None, None, "/sse"),
        ("sse", "/events", None, "/events"),
        ("streamable-http,sse", "/a", "/a", "/sse"),
    ],
)
def test_each_transport_has_its_path(
    serve: str, path: str | None, streamable: str | None, sse: str | None
) -> None:
    """The path given is that of the first one."""
    asked = parse(["serve", "--serve", serve, *(["--path", path] if path else []), "--", "x"])

    assert isinstance(asked, Serve)
    assert (asked.options.streamable_path, asked.options.sse_path) == (streamable, sse)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("serve", "no command; write it last"),
        ("serve --", "no command; write it last"),
        ("serve --port 0 -- x", "'0' is no port; write a number from 1 to 65535"),
        ("serve --port http -- x", "'http' is no port"),
        ("serve --max-sessions 0 -- x", "'0' is no max-sessions"),
        ("serve --grace inf -- x", "'inf' is no time; write seconds above 0"),
        ("serve --grace -1 -- x", "'-1' is no time"),
        ("serve --serve ws -- x", "write streamable-http, sse or both"),
        ("serve --sessions Some -- x", "invalid choice: 'Some'"),
        ("serve --path mcp -- x", "'mcp' is no path; write one such as /mcp"),
        ("serve --path /readyz -- x", "--path /readyz is taken by the bridge itself"),
        ("serve --path /idle -- x", "--path /idle is taken by the bridge itself"),
        ("serve --path /server -- x", "--path /server is taken by the bridge itself"),
        ("serve --serve streamable-http,sse --path /sse -- x", "--path /sse is taken"),
        ("serve --serve sse --path /messages -- x", "--path /messages is taken"),
        ("serve --bogus 1 -- x", "--bogus"),
        ("serve --servic a -- x", "--servic"),
        ("attach", "--pod"),
        ("install", "TARGET_DIR"),
        ("leave soon", "'soon' is no time; write a number from 0 to 3600"),
        ("", "serve|attach|install|gate|leave"),
    ],
)
def test_what_cannot_be_worked_with_is_explained(line: str, said: str) -> None:
    """By what was found and what would be right."""
    with pytest.raises(BadOption) as raised:
        parse(line.split())

    assert said in str(raised.value)
