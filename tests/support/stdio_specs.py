"""Specs of stdio servers, good and bad, for the models and for a real API server."""

from typing import Any

_TRANSPORT = ("path", "allowedHosts", "port", "scheme")


def stdio(options: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """The fields of a spec with *options* of its bridge; the rest of the transport by name."""
    transport = {key: spec.pop(key) for key in _TRANSPORT if key in spec}
    return {
        "transport": {
            "type": "stdio",
            **({"stdio": options} if options is not None else {}),
            **transport,
        },
        **spec,
    }


COMMAND: dict[str, Any] = {"command": ["uvx"], "args": ["weather", "--city=$(CITY)"]}
AFFINE: dict[str, Any] = {"service": {"type": "ClusterIP", "sessionAffinity": "ClientIP"}}
NONE = {"bridge": "None"}
ATTACH = {"bridge": "Attach"}

#: Each way to serve such a server, and what goes with it.
GOOD: dict[str, dict[str, Any]] = {
    "inject": stdio(**COMMAND, env=[{"name": "CITY", "value": "Oslo"}]),
    "inject-all": {
        **COMMAND,
        **AFFINE,
        "transport": {
            "type": "stdio",
            "port": 9000,
            "path": "/weather",
            "allowedHosts": ["mcp.example.com"],
            "allowedOrigins": ["https://app.example.com:8443"],
            "stdio": {
                "bridge": "Inject",
                "serve": ["sse", "streamable-http"],
                "sessions": "Shared",
                "maxSessions": 8,
                "idleTimeout": "1h30m",
                "requestTimeout": "1500ms",
            },
        },
        "replicas": 200,
        "initContainers": [{"name": "fetch", "image": "fetch:1"}],
        "terminationGracePeriodSeconds": 60,
        "podSecurityContext": {"runAsUser": 0},
    },
    "attach": stdio(),
    "attach-two": stdio(ATTACH, replicas=2, **AFFINE, **COMMAND, stdin=True),
    "sse": stdio({"serve": ["sse"]}, **COMMAND),
    "none": stdio(NONE, replicas=3, stdin=True),
    "none-with-a-port": stdio(
        NONE, ports=[{"name": "metrics", "port": 9090}], service={"type": "ClusterIP"}
    ),
}

#: What is refused: the spec, where, and in which words.
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "options of another transport": (
        {"transport": {"type": "sse", "stdio": {}}},
        "spec.transport.stdio",
        "leave stdio out, or write type: stdio",
    ),
    "hosts of another transport": (
        {"transport": {"type": "sse", "allowedHosts": ["a.example.com"]}},
        "spec.transport",
        "leave allowedHosts and allowedOrigins out",
    ),
    "origins without a bridge": (
        {"transport": {"type": "stdio", "stdio": NONE, "allowedOrigins": ["https://a.b"]}},
        "spec.transport",
        "leave allowedHosts and allowedOrigins out",
    ),
    "a host with a port": (
        stdio(allowedHosts=["a.example.com:80"], **COMMAND),
        "spec.transport.allowedHosts[0]",
        "write a host name in lower case, without scheme, port and path",
    ),
    "an origin with a path": (
        {"transport": {"type": "stdio", "allowedOrigins": ["https://a.example.com/"]}},
        "spec.transport.allowedOrigins[0]",
        "write scheme, host and, if it is not the scheme's usual one, port",
    ),
    "the probe's path": (
        stdio(path="/readyz", **COMMAND),
        "spec.transport.path",
        "take another path than /idle, /messages, /readyz, /server and",
    ),
    "the path of the account of the server": (
        stdio(path="/server", **COMMAND),
        "spec.transport.path",
        "take another path than /idle, /messages, /readyz, /server and",
    ),
    "the path of the last question": (
        stdio(path="/idle", **COMMAND),
        "spec.transport.path",
        "take another path than /idle, /messages, /readyz, /server and",
    ),
    "the path of the other transport": (
        stdio({"serve": ["sse", "streamable-http"]}, path="/sse", **COMMAND),
        "spec.transport.path",
        "take another path than",
    ),
    "a path that has to be decoded": (
        stdio(path="/m%63p", **COMMAND),
        "spec.transport.path",
        'write the path in ASCII characters and without "%"',
    ),
    "a bridge with TLS": (
        stdio(scheme="HTTPS", **COMMAND),
        "spec.transport.scheme",
        "leave scheme out, or write HTTP: the bridge of a stdio server speaks plain HTTP",
    ),
    "TLS of a sidecar's bridge": (
        stdio(ATTACH, scheme="HTTPS"),
        "spec.transport.scheme",
        "leave scheme out, or write HTTP",
    ),
    "TLS without a bridge": (
        stdio(NONE, scheme="HTTPS"),
        "spec.transport.scheme",
        "leave scheme out, or write HTTP",
    ),
    "no bridge that serves": (
        stdio({"bridge": "None", "maxSessions": 3}),
        "spec.transport.stdio",
        "leave all but bridge out beside bridge: None",
    ),
    "no time": (
        stdio({"idleTimeout": "500ms"}),
        "spec.transport.stdio.idleTimeout",
        "write a duration of a second or more",
    ),
    "no unit": (
        stdio({"requestTimeout": "30"}),
        "spec.transport.stdio.requestTimeout",
        "write a duration of a second or more",
    ),
    "nothing to start": (
        stdio({"bridge": "Inject"}),
        "spec.command",
        "write the program that the image starts (its entry point) in command",
    ),
    "nothing to start, in as many words": (
        stdio({"bridge": "Inject"}, command=[]),
        "spec.command",
        "write the program that the image starts (its entry point) in command",
    ),
    "sessions of one process": (
        stdio({"sessions": "PerSession"}),
        "spec.transport.stdio.sessions",
        "or sessions: Shared: a server that is attached to is one process",
    ),
    "sessions of one process, although there is a command": (
        stdio({"sessions": "PerSession", **ATTACH}, **COMMAND),
        "spec.transport.stdio.sessions",
        "or sessions: Shared: a server that is attached to is one process",
    ),
    "two accounts": (
        stdio(serviceAccountName="mine"),
        "spec.serviceAccountName",
        "or leave serviceAccountName out",
    ),
    "a token for the server": (
        stdio(automountServiceAccountToken=True),
        "spec.automountServiceAccountToken",
        "or leave automountServiceAccountToken out",
    ),
    "two writers": (stdio(**COMMAND, stdin=True), "spec.stdin", "leave stdin out"),
    "no writer": (stdio(stdin=False), "spec.stdin", "leave stdin out"),
    "sessions in two pods": (
        stdio(**COMMAND, replicas=2),
        "spec.replicas",
        "write 1, or service: {type: ClusterIP, sessionAffinity: ClientIP}",
    ),
    "sessions in two pods of a Service": (
        stdio(replicas=2, service={"type": "LoadBalancer"}),
        "spec.replicas",
        "write 1, or service: {type: ClusterIP, sessionAffinity: ClientIP}",
    ),
    "too many to name": (
        stdio(replicas=101, **AFFINE),
        "spec.replicas",
        "or at most 100: each pod that is attached to is named in a Role",
    ),
    "a Service without a port": (
        stdio(NONE, service={"type": "ClusterIP"}),
        "spec.service.type",
        "write Headless, or a port in ports",
    ),
    "a container of the bridge's name": (
        stdio(sidecars=[{"name": "mcpw-bridge", "image": "x"}]),
        "spec.sidecars",
        'give the container another name than "mcp", which is that of the server, and than "mcpw-',
    ),
    "a volume of the bridge's name": (
        stdio(volumes=[{"name": "mcpw-bridge", "emptyDir": {}}]),
        "spec.volumes",
        "give the volume another name than mcpw-bridge and mcpw-bridge-token",
    ),
}
