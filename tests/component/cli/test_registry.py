"""What an image starts, asked of a registry that wants a token first."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mcpworkload.cli import registry
from mcpworkload.cli.registry import ImageUnreadable, Program, Reference

INDEX = {
    "manifests": [
        {"digest": "sha256:windows", "platform": {"os": "windows", "architecture": "amd64"}},
        {"digest": "sha256:linux", "platform": {"os": "linux", "architecture": "arm64"}},
    ]
}
FILES: dict[str, Any] = {
    "/v2/acme/weather/manifests/1.4": INDEX,
    "/v2/acme/weather/manifests/sha256:linux": {"config": {"digest": "sha256:config"}},
    "/v2/acme/weather/blobs/sha256:config": {
        "config": {"Entrypoint": ["node", "server.js"], "Cmd": ["--stdio"]}
    },
    "/v2/acme/odd/manifests/latest": ["what is this"],
}


class _Registry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        realm = f"http://{self.headers['Host']}/token"
        if self.path == "/token?service=here&scope=all":
            self._answer(200, {"token": "anonymous"})
        elif self.headers.get("Authorization") != "Bearer anonymous":
            self._answer(401, {}, f'Bearer realm="{realm}",service="here",scope="all"')
        elif self.path in FILES:
            self._answer(200, FILES[self.path])
        else:
            self._answer(404, {})

    def _answer(self, status: int, body: Any, challenge: str = "") -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def host() -> Iterator[str]:
    """Where the registry is."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_program_is_found_behind_token_and_index(host: str) -> None:
    """The image for Linux is chosen; its config has the words."""
    assert registry.read_program(f"{host}/acme/weather:1.4") == Program(
        ("node", "server.js"), ("--stdio",)
    )


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("{host}/acme/nothing", "or it needs a login"),
        ("{host}/acme/odd", "answers without an image"),
        ("127.0.0.1:1/acme/weather", "cannot be reached"),
    ],
)
def test_what_cannot_be_read_says_why(host: str, image: str, words: str) -> None:
    """One error for every failure, in a few words."""
    with pytest.raises(ImageUnreadable, match=words):
        registry.read_program(image.format(host=host))


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("weather", Reference("docker.io", "library/weather", "latest")),
        ("acme/weather:1", Reference("docker.io", "acme/weather", "1")),
        ("ghcr.io/acme/weather@sha256:ab", Reference("ghcr.io", "acme/weather", "sha256:ab")),
        ("localhost/weather:1", Reference("localhost", "weather", "1")),
        ("host:5000/a/b/c:2@sha256:ab", Reference("host:5000", "a/b/c", "sha256:ab")),
    ],
)
def test_image_names_mean_what_they_mean_to_a_runtime(image: str, reference: Reference) -> None:
    """Registry, repository, and the digest before the tag."""
    assert registry.parse(image) == reference


def test_only_a_registry_of_this_machine_is_asked_in_the_clear() -> None:
    """Everything else goes by HTTPS; Docker Hub's API has a host of its own."""
    assert registry.parse("localhost:5000/a").root == "http://localhost:5000/v2/a"
    assert registry.parse("a").root == "https://registry-1.docker.io/v2/library/a"
