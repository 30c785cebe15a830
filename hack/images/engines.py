"""The two programs that can build an image, behind one interface."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hack.images.cache import cache_folder
from hack.images.shell import logged
from hack.terminal import ToolError, run, step, succeeds

BUILD_SECONDS = 1200
SAVE_SECONDS = 300
PUSH_SECONDS = 900
ASK_SECONDS = 30
# Every rebuild adds a few layers of about 1 MB to buildah's cache. Emptying it costs the next
# build the dependencies' installation, so it is done once in some hundred builds.
KEPT_LAYERS = 500


@dataclass(frozen=True)
class Build:
    """The arguments of one build, as for `docker build`."""

    context: Path
    dockerfile: Path
    reference: str
    log: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    target: str | None = None

    def options(self) -> list[str]:
        """Return the options that docker and buildah spell alike, the context last."""
        options = ["--file", str(self.dockerfile), "--tag", self.reference]
        for name, value in self.arguments.items():
            options += ["--build-arg", f"{name}={value}"]
        for name, path in self.secrets.items():
            options += ["--secret", f"id={name},src={path}"]
        if self.target:
            options += ["--target", self.target]
        return [*options, str(self.context)]


class Engine(Protocol):
    """Builds, keeps and writes out images."""

    name: str

    def pull(self, reference: str, timeout: float) -> bool:
        """Pull *reference* from a registry and keep it; return whether that worked."""

    def has(self, reference: str) -> bool:
        """Return whether *reference* is kept here."""

    def build(self, build: Build) -> None:
        """
        Build and keep an image.

        Raises:
            ToolError: the build failed.
        """

    def save(self, reference: str, archive: Path, log: Path) -> None:
        """Write *reference* to *archive* as `docker save` does, layers uncompressed."""

    def push(self, archive: Path, reference: str, target: str, log: Path) -> None:
        """Send *archive*, which holds *reference*, to a registry as *target*."""

    def remove(self, reference: str) -> None:
        """Forget *reference*; no error if it is not there or in use."""

    def clear(self) -> None:
        """Remove what a killed build left; only while no other build of ours runs."""


class Docker:
    """Docker with BuildKit."""

    name = "docker"

    def __init__(self) -> None:
        # Older engines have BuildKit but do not choose it; secrets need it.
        self._env = {**os.environ, "DOCKER_BUILDKIT": "1"}

    def pull(self, reference: str, timeout: float) -> bool:
        """See Engine."""
        return succeeds(["docker", "pull", "--quiet", reference], timeout=timeout)

    def has(self, reference: str) -> bool:
        """See Engine."""
        return succeeds(["docker", "image", "inspect", reference], timeout=ASK_SECONDS)

    def build(self, build: Build) -> None:
        """See Engine."""
        command = ["docker", "build", "--progress", "plain", *build.options()]
        logged(command, log=build.log, timeout=BUILD_SECONDS, env=self._env)

    def save(self, reference: str, archive: Path, log: Path) -> None:
        """See Engine."""
        command = ["docker", "save", "--output", str(archive), reference]
        logged(command, log=log, timeout=SAVE_SECONDS)

    def push(self, archive: Path, reference: str, target: str, log: Path) -> None:
        """See Engine."""
        for command in (
            ["docker", "load", "--input", str(archive)],
            ["docker", "tag", reference, target],
            ["docker", "push", target],
        ):
            logged(command, log=log, timeout=PUSH_SECONDS)

    def remove(self, reference: str) -> None:
        """See Engine."""
        succeeds(["docker", "image", "rm", reference], timeout=ASK_SECONDS)

    def clear(self) -> None:
        """See Engine; BuildKit leaves nothing."""


class Buildah:
    """Buildah without namespaces of its own: it works in a container without extra rights."""

    name = "buildah"

    def __init__(self) -> None:
        self._env = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        overlay = self._command("overlay")
        # Not everywhere can an overlay lie on the cache's file system; vfs copies whole layers.
        works = succeeds([*overlay, "info"], timeout=ASK_SECONDS, env=self._env)
        self._buildah = overlay if works else self._command("vfs")

    @staticmethod
    def _command(driver: str) -> list[str]:
        """Return the command of buildah with a storage apart from the machine's own images."""
        storage = cache_folder() / f"storage-{driver}"
        command = ["buildah", "--root", str(storage), "--runroot", str(run_folder())]
        command += ["--storage-driver", driver]
        if driver == "overlay":
            # It would leave a bind mount of the storage behind.
            command += ["--storage-opt", "overlay.skip_mount_home=true"]
        return command

    def pull(self, reference: str, timeout: float) -> bool:
        """See Engine."""
        return succeeds(
            [*self._buildah, "pull", "--quiet", reference], timeout=timeout, env=self._env
        )

    def has(self, reference: str) -> bool:
        """See Engine."""
        return succeeds(
            [*self._buildah, "inspect", "--type", "image", reference],
            timeout=ASK_SECONDS,
            env=self._env,
        )

    def build(self, build: Build) -> None:
        """See Engine."""
        command = [*self._buildah, "build", "--layers", "--force-rm", "--pull=false"]
        command += [*build.options()]
        logged(command, log=build.log, timeout=BUILD_SECONDS, env=self._env)

    def save(self, reference: str, archive: Path, log: Path) -> None:
        """See Engine."""
        # The name is in the archive: every import gives the image this name.
        target = f"docker-archive:{archive}:{reference}"
        command = [*self._buildah, "push", "--quiet", reference, target]
        logged(command, log=log, timeout=SAVE_SECONDS, env=self._env)

    def push(self, archive: Path, reference: str, target: str, log: Path) -> None:
        """See Engine; the archive is read first, as its image may be gone from the storage."""
        # As with Docker, a registry on this machine needs no certificate.
        plain = ["--tls-verify=false"] if is_on_this_machine(target) else []
        source = f"docker-archive:{archive}"
        for command in (
            [*self._buildah, "pull", "--quiet", source],
            [*self._buildah, "push", "--quiet", *plain, reference, f"docker://{target}"],
        ):
            logged(command, log=log, timeout=PUSH_SECONDS, env=self._env)

    def remove(self, reference: str) -> None:
        """See Engine."""
        succeeds([*self._buildah, "rmi", reference], timeout=ASK_SECONDS, env=self._env)

    def clear(self) -> None:
        """See Engine: working containers, and with them their overlay mounts."""
        succeeds([*self._buildah, "rm", "--all"], timeout=ASK_SECONDS, env=self._env)
        kept = run([*self._buildah, "images", "--all", "--quiet"], timeout=ASK_SECONDS)
        if len(kept.splitlines()) > KEPT_LAYERS:
            with step("emptying buildah's layer cache"):
                succeeds([*self._buildah, "rmi", "--prune"], timeout=SAVE_SECONDS, env=self._env)


def is_on_this_machine(target: str) -> bool:
    """Return whether the registry of the image name *target* listens on this machine's loopback."""
    host = target.partition("/")[0]
    return host.rpartition(":")[0] in ("localhost", "127.0.0.1", "[::1]")


def run_folder() -> Path:
    """Return the folder of buildah's volatile state, one per cache; a reboot empties it."""
    key = hashlib.sha256(str(cache_folder()).encode()).hexdigest()[:8]
    return Path(f"/run/mcpworkload-images-{key}")


def find_engine() -> Engine:
    """
    Return Docker where an engine runs, else buildah, installed if it is missing.

    Raises:
        ToolError: neither can be had; the message names what is needed.
    """
    if succeeds(["docker", "info"], timeout=10):
        return Docker()
    if os.geteuid() != 0:
        raise ToolError(
            "no Docker engine answers, and buildah needs root: start Docker or use sudo"
        )
    ensure_tools({"buildah": "buildah"})
    return Buildah()


def ensure_tools(tools: Mapping[str, str]) -> None:
    """
    Install the Debian packages of those *tools* (program -> package) that are missing.

    Raises:
        ToolError: not root, no apt, or apt failed.
    """
    missing = sorted({package for tool, package in tools.items() if not shutil.which(tool)})
    if not missing:
        return
    wanted = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ToolError(f"missing: {wanted}; install it with your package manager as root")
    with step(f"installing {wanted}"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
        if not succeeds(install, timeout=BUILD_SECONDS, env=env):
            # Fresh machines have no package lists yet.
            run(["apt-get", "update"], timeout=BUILD_SECONDS, env=env)
            run(install, timeout=BUILD_SECONDS, env=env)
