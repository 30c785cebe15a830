"""The list of images, what each is made from, and the hash that names that content."""

import hashlib
import platform
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

BaseKind = Literal["registry", "debian"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PREFIX = "localhost/mcpworkload"


@dataclass(frozen=True)
class Image:
    """One image: its folder holds the Dockerfile, *context* and *inputs* what it copies."""

    name: str
    # What it is built on: a language's base, or one with the files of its own Debian packages.
    language: Literal["python", "node", "debian"]
    context: Path
    # Globs below the context. The build sees these files and no others, so that the
    # hash over them is a hash over everything that can end up in the image.
    inputs: tuple[str, ...]
    # None: the content's hash is the tag, because a cluster must notice new content.
    tag: str | None
    # Built only where it is named: nothing but a test of its own needs it.
    on_request: bool = False
    # Where the language is debian.
    packages: tuple[str, ...] = ()
    # A folder of Go sources, below the context: the program made of them is put into the context
    # under the folder's name. Go stays out of the images, and its modules in this machine's cache.
    program: str = ""

    @property
    def dockerfile(self) -> Path:
        """The image's Dockerfile."""
        return HERE / self.name / "Dockerfile"

    @property
    def default_base(self) -> str:
        """The base image that the Dockerfile itself names."""
        found = re.search(r"^ARG BASE=(\S+)", self.dockerfile.read_text(), re.MULTILINE)
        if found is None:
            raise ValueError(f"{self.dockerfile} has no line ARG BASE=...")
        return found.group(1)

    def files(self, context: Path | None = None) -> list[Path]:
        """Return every file that the build sees, sorted; of a copy of the context if given."""
        found = {path for glob in self.inputs for path in (context or self.context).glob(glob)}
        return sorted(path for path in found if path.is_file())


# What an install of the package from this checkout is made from.
PACKAGE = (
    "operator/mcpworkload/**/*.py",
    "operator/mcpworkload/**/py.typed",
    "pyproject.toml",
    "constraints.txt",
    "LICENSE",
    "hack/images/operator/requirements.py",
)
# What the bridge's launcher is compiled from, and with.
LAUNCHER = (
    "hack/images/bridge/kernel.h",
    "hack/images/bridge/launcher.c",
    "hack/images/bridge/tools.txt",
)
IMAGES = (
    Image(name="operator", language="python", context=ROOT, inputs=PACKAGE, tag=None),
    Image(
        name="bridge",
        language="python",
        context=ROOT,
        inputs=(
            "operator/mcpworkload/__init__.py",
            "operator/mcpworkload/bridge/**/*.py",
            "operator/mcpworkload/protocol/**/*.py",
            "pyproject.toml",
            "constraints.txt",
            "hack/images/operator/requirements.py",
            "hack/images/bridge/*.py",
            *LAUNCHER,
        ),
        tag=None,
    ),
    Image(
        name="egress",
        language="debian",
        context=HERE / "egress",
        inputs=("assemble.sh", "squid.conf", "pages/*"),
        tag=None,
        packages=("squid",),
    ),
    Image(
        name="toolbox",
        language="python",
        context=ROOT,
        inputs=(*PACKAGE, "examples/toolbox/toolbox.py"),
        tag=None,
        on_request=True,
    ),
    Image(
        name="everything",
        language="node",
        context=HERE / "everything",
        inputs=("package.json", "package-lock.json"),
        tag="2026.8.31",
    ),
    Image(
        name="time",
        language="python",
        context=HERE / "time",
        inputs=("constraints.txt",),
        tag="2026.10.19",
    ),
    Image(
        name="static",
        language="python",
        context=ROOT,
        inputs=(
            "hack/images/bridge/kernel.h",
            "hack/images/bridge/tools.txt",
            "hack/images/static/server.c",
        ),
        tag="1",
    ),
    Image(
        name="servers",
        language="python",
        context=HERE,
        inputs=(
            "bases/node/requirements.txt",
            "servers/*.py",
            "servers/*.json",
            "servers/serve.mjs",
            "servers/packages/*.txt",
            "servers/go-sdk/*",
        ),
        tag="1",
        on_request=True,
        program="servers/go-sdk",
    ),
)


def by_name(name: str) -> Image:
    """
    Return the image called *name*.

    Raises:
        KeyError: there is none.
    """
    return next(image for image in IMAGES if image.name == name)


def digest(files: Iterable[Path], below: Path, *more: str) -> str:
    """Twelve hex digits over *more* and *files*: contents, and names relative to *below*."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(below)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    total.update("\0".join(more).encode())
    return total.hexdigest()[:12]


def base_hash() -> str:
    """Return the hash of what a base made here depends on, this machine's Debian included."""
    files = [
        HERE / "rootfs.py",
        *sorted(path for path in HERE.glob("bases/**/*") if path.is_file()),
    ]
    release = platform.freedesktop_os_release()
    return digest(files, HERE, release.get("VERSION_CODENAME", ""), platform.machine())


def packages_hash(image: Image) -> str:
    """Return the hash of what a base with the Debian packages of *image* depends on."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    files = [HERE / "packages.py", HERE / "packages.Dockerfile"]
    return digest(files, HERE, release, platform.machine(), *image.packages)


def content_hash(image: Image, base: BaseKind, context: Path | None = None) -> str:
    """
    Return the hash of everything *image* depends on when built on *base*.

    A copy of its *context* may be given: sources can change between two reads.
    """
    ground = "registry"
    if base == "debian":
        ground = packages_hash(image) if image.packages else base_hash()
    dockerfile = image.dockerfile.read_text()
    files = image.files(context)
    return digest(files, context or image.context, dockerfile, ground, platform.machine())


def reference(image: Image, content: str) -> str:
    """Return the full name of *image* with the content of hash *content*, tag included."""
    return f"{PREFIX}/{image.name}:{image.tag or content}"


def at_repository(reference: str, repository: str) -> str:
    """Return the name that the image *reference* gets below *repository*, name and tag kept."""
    return f"{repository.rstrip('/')}/{reference.removeprefix(f'{PREFIX}/')}"


def stage_context(image: Image, folder: Path) -> None:
    """Copy what the build of *image* may see into *folder*, time stamps kept."""
    for path in image.files():
        target = folder / path.relative_to(image.context)
        target.parent.mkdir(parents=True, exist_ok=True)
        # With time stamps: some builders' layer caches compare them.
        shutil.copy2(path, target)
