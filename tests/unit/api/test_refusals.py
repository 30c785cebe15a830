"""
Parsing a body: what the author of a bad one is told.

The messages are compared in full where they are short and by their decisive part elsewhere;
what the API server makes of the same specs is tested against a real one.
"""

from typing import Any

import pytest

from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.workload import Workload


def make_body(name: str = "weather", **spec: Any) -> dict[str, Any]:
    """A valid MCPWorkload, with *spec* over its spec; None takes a field out."""
    fields = {"image": "weather:1", "transport": {"type": "sse"}, **spec}
    return {
        "metadata": {"name": name, "namespace": "tools", "uid": "u-1", "generation": 3},
        "spec": {key: value for key, value in fields.items() if value is not None},
    }


def refusal(body: dict[str, Any]) -> str:
    """The message with which *body* is refused."""
    with pytest.raises(InvalidSpec) as caught:
        Workload.parse(body)
    return str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            {"image": None},
            "spec.image: missing; name the container image of the MCP server, such as "
            '"ghcr.io/acme/weather:1.4"',
            id="no image",
        ),
        pytest.param(
            {"transport": None},
            "spec.transport: missing; write its type, streamable-http, sse or stdio, and its port "
            "if the server does not listen on 8080",
            id="no transport",
        ),
        pytest.param(
            {"transport": {"port": 80}},
            "spec.transport.type: missing; write streamable-http, sse for a server that only "
            "speaks the older HTTP+SSE transport, or stdio for one that speaks on its standard "
            "input and output",
            id="no transport type",
        ),
        pytest.param(
            {"transport": {"type": "http"}},
            "spec.transport.type: found \"http\"; write 'sse', 'stdio' or 'streamable-http'",
            id="unknown transport type",
        ),
        pytest.param(
            {"transport": {"type": "sse", "port": "80"}},
            'spec.transport.port: found "80"; write a whole number, without quotes',
            id="quoted port",
        ),
        pytest.param(
            {"transport": {"type": "sse", "port": 65536}},
            "spec.transport.port: found 65536; write 65535 or less",
            id="port too high",
        ),
        pytest.param(
            {"transport": {"type": "sse", "port": 0}},
            "spec.transport.port: found 0; write 1 or more",
            id="port too low",
        ),
        pytest.param(
            {"transport": {"type": "sse", "path": "mcp"}},
            'spec.transport.path: found "mcp"; write the path with a leading slash and without '
            'spaces, "?" or "#", such as "/mcp"',
            id="path without slash",
        ),
        pytest.param(
            {"transport": "sse"},
            'spec.transport: found "sse"; write a mapping of fields to values',
            id="transport as text",
        ),
        pytest.param(
            {"image": "two words"},
            'spec.image: found "two words"; write the image as one word without spaces, such as '
            '"ghcr.io/acme/weather:1.4"',
            id="image with a space",
        ),
        pytest.param({"image": ""}, 'spec.image: found ""; write the image', id="empty image"),
        pytest.param(
            {"image": "i" * 1025}, "iii...; write at most 1024 characters", id="endless image"
        ),
        pytest.param(
            {"args": "--verbose"}, 'spec.args: found "--verbose"; write a list', id="args as text"
        ),
        pytest.param(
            {"args": ["--port", 80]},
            "spec.args[1]: found 80; write text (in quotes, if it looks like a number or like "
            "true)",
            id="number among args",
        ),
        pytest.param(
            {"env": {"TOKEN": "secret"}},
            "spec.env: found a mapping; write a list",
            id="env mapping",
        ),
        pytest.param(
            {"env": [{"value": "secret"}]},
            "spec.env: found a list; give each entry a name of printable ASCII characters without "
            '"="',
            id="env entry without name",
        ),
        pytest.param(
            {"env": [{"name": "A=B"}]}, "spec.env: found a list; give each entry", id="bad env name"
        ),
        pytest.param(
            {"env": [{"name": "A"}, {"name": "B"}, {"name": "A"}]},
            "spec.env: found a list; write A once",
            id="env name twice",
        ),
        pytest.param(
            {"replicas": -1}, "spec.replicas: found -1; write 0 or more", id="replicas -1"
        ),
        pytest.param(
            {"replicas": True},
            "spec.replicas: found true; write a whole number, without quotes",
            id="replicas true",
        ),
        pytest.param(
            {"labels": {"my team": "a"}},
            'spec.labels: found "my team"; write the key as a name of at most 63 letters',
            id="bad label key",
        ),
        pytest.param(
            {"labels": {"team": "a b"}},
            'spec.labels.team: found "a b"; write text that matches ^',
            id="bad label value",
        ),
        pytest.param(
            {"labels": {"example.com/level": 3}},
            "spec.labels[example.com/level]: found 3; write text",
            id="number as label value",
        ),
        pytest.param(
            {"labels": {f"l{number}": "" for number in range(65)}},
            "spec.labels: found a mapping; write at most 64 entries",
            id="too many labels",
        ),
        pytest.param(
            {"labels": {"mcpworkload.dev/workload": "x"}},
            'spec.labels: found "mcpworkload.dev/workload"; take another key than those under '
            "mcpworkload.dev/",
            id="selector label",
        ),
        pytest.param(
            {"labels": {"app.kubernetes.io/name": "x"}},
            'spec.labels: found "app.kubernetes.io/name"; take another key',
            id="recommended label",
        ),
        pytest.param(
            {"annotations": {"sub.mcpworkload.dev/x": "x"}},
            'spec.annotations: found "sub.mcpworkload.dev/x"; take another key',
            id="annotation below our domain",
        ),
        pytest.param(
            {"annotations": {"/x": "x"}},
            'spec.annotations: found "/x"; write the key as a name',
            id="annotation with an empty domain",
        ),
        pytest.param(
            {"automountServiceAccountToken": "yes"},
            'spec.automountServiceAccountToken: found "yes"; write true or false, without quotes',
            id="yes for true",
        ),
        pytest.param(
            {"serviceAccountName": "Weather"},
            'spec.serviceAccountName: found "Weather"; write the name of a ServiceAccount',
            id="bad service account",
        ),
        pytest.param(
            {"terminationGracePeriodSeconds": -1},
            "spec.terminationGracePeriodSeconds: found -1; write 0 or more",
            id="negative grace period",
        ),
        pytest.param(
            {"resources": "small"},
            'spec.resources: found "small"; write a mapping of keys to values',
            id="resources as text",
        ),
    ],
)
def test_a_bad_spec_is_answered_with_path_finding_and_remedy(
    spec: dict[str, Any], message: str
) -> None:
    """Each refusal names the camelCase path, what stands there, and what to write."""
    assert message in refusal(make_body(**spec))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("Weather", "lower-case letters", id="capital"),
        pytest.param("2weather", "starts with a letter", id="digit first"),
        pytest.param("weather-", "ends with a letter or digit", id="dash last"),
        pytest.param("weather.eu", "lower-case letters, digits and dashes", id="dot"),
        pytest.param("w" * 53, "at most 52 characters", id="too long"),
        pytest.param("weather-svc", "another ending than -svc or -egress", id="-svc"),
        pytest.param("weather-egress", "another ending than -svc or -egress", id="-egress"),
    ],
)
def test_a_bad_name_is_answered_with_what_to_choose(name: str, message: str) -> None:
    """The operator says about a name what the CRD says."""
    text = refusal(make_body(name))

    assert text.startswith(f'metadata.name: found "{name}"; choose a name ')
    assert message in text


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(None, "spec: missing; write at least image and transport.type", id="absent"),
        pytest.param([], "spec: found an empty list; write a mapping", id="a list"),
    ],
)
def test_the_spec_itself_may_be_wrong(spec: Any, message: str) -> None:
    """No spec, or one that is not a mapping."""
    body = {**make_body(), "spec": spec}

    assert message in refusal(body)


def test_all_problems_are_reported_at_once_up_to_a_limit() -> None:
    """An author mends a spec in one go; a condition stays readable."""
    two = refusal(make_body(image=3, replicas=-1))
    many = refusal(make_body(args=list(range(9))))

    assert "spec.image: found 3" in two
    assert "; spec.replicas: found -1" in two
    assert many.endswith("; and 4 more")


def test_a_refusal_does_not_quote_what_may_be_secret() -> None:
    """Values inside lists and mappings stay out of messages, which others can read."""
    assert "hunter2" not in refusal(make_body(env=[{"value": "hunter2"}]))
    assert "hunter2" not in refusal(make_body(env={"PASSWORD": "hunter2"}))
