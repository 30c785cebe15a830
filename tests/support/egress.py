"""The egress proxy out of its built image, run in a network of its own: no rights, no cluster."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.images.build import Built, locate
from hack.images.catalog import ROOT, by_name

NAMESPACES = ("--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child")


def find_image() -> Built | None:
    """Return the egress proxy's image of this checkout, None if it was never built here."""
    for base in ("debian", "registry"):
        built = locate(by_name("egress"), base)
        if built.archive.exists():
            return built
    return None


def missing() -> str:
    """Return what hinders the proxy from running here, nothing if nothing does."""
    for tool in ("unshare", "ip"):
        if not shutil.which(tool):
            return f"this machine has no {tool}"
    if subprocess.run(
        ["unshare", *NAMESPACES, "true"], capture_output=True, check=False
    ).returncode:
        return "this machine allows no user namespaces"
    if find_image() is None:
        return "the image egress was never built here: make images"
    return ""


@dataclass(frozen=True)
class World:
    """What happened in a network with an egress proxy."""

    result: dict[str, Any]

    @property
    def answers(self) -> list[tuple[int, str]]:
        """The status and the address reached of each request."""
        return [(answer["status"], answer["reached"]) for answer in self.result["answers"]]

    @property
    def bodies(self) -> list[str]:
        """The body of each answer; of one that a stand-in gave, the request that it received."""
        return [answer["body"] for answer in self.result["answers"]]

    @property
    def log(self) -> list[str]:
        """The lines of the proxy's log."""
        return list(self.result["log"])

    @property
    def asked(self) -> set[str]:
        """The names that were looked up."""
        return set(self.result["asked"])


def run_world(root: Path, timeout: float = 60, **wanted: Any) -> Any:
    """Run `egress_world.py` with *wanted* on the image's files below *root*; return its result."""
    done = subprocess.run(
        ["unshare", *NAMESPACES, sys.executable, "-m", "tests.support.egress_world"],
        input=json.dumps({"root": str(root), **wanted}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def get(url: str, host: str = "x") -> str:
    """Return a request for *url* as proxies receive it."""
    return f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"


def connect(place: str) -> str:
    """Return a request for a tunnel to *place*."""
    return f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n"
