"""Build images and the bases under them, keep their archives, remove old ones."""

import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hack.images import catalog, engines
from hack.images.cache import cache_folder, exclusive, whole_file
from hack.images.catalog import PREFIX, BaseKind, Image
from hack.images.packages import compose_packages
from hack.images.rootfs import compose_bases
from hack.images.trust import write_secrets
from hack.local.binaries import ToolSet
from hack.local.binaries import build as build_program
from hack.terminal import ToolError, step

KEPT_ARCHIVES = 3
# Long enough to fetch a slim base over a slow line; a refusal answers at once.
PULL_SECONDS = 90
# For how long an answer to "is a registry reachable" holds, in seconds.
ANSWER_HOLDS = 24 * 3600
NEEDED_BYTES = 2 * 1024**3


def choose_base(engine: engines.Engine | None = None) -> BaseKind:
    """
    Return what images are built on: IMAGE_BASE, else a registry's base image if one can be pulled.

    Tried once a day: the result is part of every image's name.

    Raises:
        ToolError: IMAGE_BASE is something else.
    """
    wanted = os.environ.get("IMAGE_BASE", "auto")
    if wanted == "debian":
        return "debian"
    if wanted == "registry":
        return "registry"
    if wanted != "auto":
        raise ToolError(f"IMAGE_BASE={wanted}: use debian, registry or auto")
    answer = cache_folder() / "base"
    if answer.exists() and time.time() - answer.stat().st_mtime < ANSWER_HOLDS:
        return "registry" if answer.read_text() == "registry" else "debian"
    default = catalog.by_name("operator").default_base
    with step(f"is an image registry reachable ({default})"):
        reachable = (engine or engines.find_engine()).pull(default, PULL_SECONDS)
    base: BaseKind = "registry" if reachable else "debian"
    print(f"  {'yes' if reachable else 'no: bases from Debian packages'}", file=sys.stderr)
    with whole_file(answer) as unfinished:
        unfinished.write_text(base)
    return base


@dataclass(frozen=True)
class Built:
    """An image with the content it has now: its full name, and the path of its archive."""

    reference: str
    archive: Path


def locate(image: Image, base: BaseKind, context: Path | None = None) -> Built:
    """Name *image* with its present content, or with that of a copy of its *context*."""
    content = catalog.content_hash(image, base, context)
    archive = cache_folder() / f"{image.name}-{content}.tar"
    return Built(catalog.reference(image, content), archive)


def build_images(images: list[Image]) -> list[Built]:
    """
    Build those of *images* whose archive is missing.

    Raises:
        ToolError: something is missing or fails.
    """
    with exclusive():
        base = choose_base()
        engine: engines.Engine | None = None
        done = []
        for image in images:
            built = locate(image, base)
            if built.archive.exists():
                built.archive.touch()  # the most recently used are kept
                print(f"{built.reference}: cached", file=sys.stderr)
            else:
                engine = engine or _ready_engine()
                built = _build(engine, image, base)
            done.append(built)
        return done


def _ready_engine() -> engines.Engine:
    """Return an engine with room to build, without what an earlier, killed build left."""
    free = shutil.disk_usage(cache_folder()).free
    if free < NEEDED_BYTES:
        raise ToolError(
            f"{free // 1024**2} MB free at {cache_folder()}: "
            f"{NEEDED_BYTES // 1024**2} MB needed, or set XDG_CACHE_HOME"
        )
    engine = engines.find_engine()
    engine.clear()
    for unfinished in cache_folder().glob(".*.tar.*"):
        unfinished.unlink()
    return engine


def _build(engine: engines.Engine, image: Image, base: BaseKind) -> Built:
    """Build *image*, its base first, and write its archive."""
    arguments = _base_arguments(engine, image) if base == "debian" else {}
    log = _log(image.name)
    with tempfile.TemporaryDirectory() as scratch:
        context = Path(scratch) / "context"
        catalog.stage_context(image, context)
        if image.program:
            _stage_program(image, context)
        # Named by the copy: the sources may be edited meanwhile.
        built = locate(image, base, context)
        with step(f"{built.reference} with {engine.name}"):
            engine.build(
                engines.Build(
                    context=context,
                    dockerfile=image.dockerfile,
                    reference=built.reference,
                    log=log,
                    arguments=arguments,
                    secrets=write_secrets(Path(scratch) / "secrets"),
                )
            )
    with step(f"  {built.archive.name}"), whole_file(built.archive) as unfinished:
        engine.save(built.reference, unfinished, log)
    _forget_old(engine, image)
    return built


def _stage_program(image: Image, context: Path) -> None:
    """Build the Go program of *image* from a copy of its *context*, and put it there."""
    sources = context / image.program
    tool_set = ToolSet(
        sources.name, sources.name, "half a minute", parent=sources.parent, system="linux"
    )
    shutil.copy2(build_program(tool_set) / sources.name, context / sources.name)


def _base_arguments(engine: engines.Engine, image: Image) -> dict[str, str]:
    """Return the build arguments that put *image* on bases made here; missing ones are made."""
    if image.packages:
        return {"BASE": _packages_base(engine, image)}
    runtime, build = _base_name(image.language), _base_name(f"{image.language}-build")
    if not (engine.has(runtime) and engine.has(build)):
        if image.language == "node":
            _base_arguments(engine, catalog.by_name("operator"))  # Node is fetched with Python
        _make_base(engine, image.language)
    return {"BASE": runtime, "BUILD_BASE": build}


def _packages_base(engine: engines.Engine, image: Image) -> str:
    """Return the base with the Debian packages of *image*, made if it is missing."""
    reference = f"{PREFIX}/base-{image.name}:{catalog.packages_hash(image)}"
    if engine.has(reference):
        return reference
    engines.ensure_tools({"apt-get": "apt", "dpkg-deb": "dpkg"})
    log = _log(f"base-{image.name}")
    with tempfile.TemporaryDirectory() as scratch, step(f"base-{image.name} with {engine.name}"):
        context = Path(scratch)
        compose_packages(image.packages, context / "root.tar", log)
        dockerfile = catalog.HERE / "packages.Dockerfile"
        engine.build(engines.Build(context, dockerfile, reference, log))
    return reference


def _base_name(kind: str) -> str:
    """Return the full name of a base made here."""
    return f"{PREFIX}/base-{kind}:{catalog.base_hash()}"


def _make_base(engine: engines.Engine, language: str) -> None:
    """Build both bases of *language*, the one images run on and the one they are built with."""
    packed = cache_folder() / f"debian-{catalog.base_hash()}"
    if not (packed / "complete").exists():
        engines.ensure_tools({"apt-get": "apt", "dpkg-deb": "dpkg"})
        with step("root file systems from Debian packages"):
            compose_bases(packed, _log("debian"))
            (packed / "complete").touch()
        _forget_old_bases(engine, packed)
    with tempfile.TemporaryDirectory() as scratch, step(f"base-{language} with {engine.name}"):
        context = Path(scratch) / "context"
        shutil.copytree(catalog.HERE / "bases" / language, context)
        for archive in packed.glob(f"{language}-*.tar"):
            (context / archive.name.removeprefix(f"{language}-")).hardlink_to(archive)
        for target, suffix in (("runtime", ""), ("build", "-build")):
            engine.build(
                engines.Build(
                    context=context,
                    dockerfile=context / "Dockerfile",
                    reference=_base_name(f"{language}{suffix}"),
                    log=_log(f"base-{language}{suffix}"),
                    arguments={"PYTHON_BUILD_BASE": _base_name("python-build")},
                    secrets=write_secrets(Path(scratch) / "secrets"),
                    target=target,
                )
            )


def _forget_old_bases(engine: engines.Engine, packed: Path) -> None:
    """Remove all root file systems but *packed*, and the bases made from them."""
    for old in cache_folder().glob("debian-*"):
        if old != packed:
            shutil.rmtree(old)
            for kind in ("python", "python-build", "node", "node-build"):
                engine.remove(f"{PREFIX}/base-{kind}:{old.name.removeprefix('debian-')}")


def _forget_old(engine: engines.Engine, image: Image) -> None:
    """Remove all but the most recently used archives of *image*, and their images."""
    archives = sorted(
        cache_folder().glob(f"{image.name}-*.tar"),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for archive in archives[KEPT_ARCHIVES:]:
        archive.unlink()
        if image.tag is None:
            tag = archive.stem.removeprefix(f"{image.name}-")
            engine.remove(f"{PREFIX}/{image.name}:{tag}")


def _log(name: str) -> Path:
    """Return the path of the log of the build of *name*."""
    return cache_folder() / "log" / f"{name}.log"
