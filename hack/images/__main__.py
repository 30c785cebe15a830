"""The command line: `python3 -m hack.images VERB [names]`."""

import argparse
import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from hack.images import catalog
from hack.images.build import Built, build_images, choose_base, locate
from hack.images.cache import cache_folder, exclusive
from hack.images.catalog import IMAGES, ROOT, Image
from hack.images.engines import find_engine, run_folder
from hack.terminal import ToolError, run, step

USAGE = """\
verbs:
  build  build what is missing or out of date
  load   build, then load into the cluster in use
  push   build, then send to the registry below --to, such as registry.example.com/mcpworkload
  name   print full image names
  size   print sizes: unpacked, and as a registry would send it
  clean  remove everything built here

IMAGE_BASE=auto|registry|debian chooses what images are built on: the usual slim images,
or bases made from Debian packages; auto asks once a day whether a registry is reachable.
"""


def main(arguments: list[str]) -> int:
    """Do what *arguments* ask; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python3 -m hack.images",
        description="Build the project's images.",
        epilog=USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = {"build": build, "load": load, "name": name, "size": size, "clean": clean}
    verbs["push"] = lambda images: push(images, options.to)
    parser.add_argument("verb", choices=verbs)
    known = [image.name for image in IMAGES]
    usual = [image.name for image in IMAGES if not image.on_request]
    text = f"of {', '.join(known)}; default: {', '.join(usual)}"
    parser.add_argument("names", nargs="*", help=text)
    parser.add_argument("--to", metavar="REPOSITORY", help="where push sends images")
    options = parser.parse_args(arguments)
    if (options.verb == "push") != bool(options.to):
        parser.error("push needs --to REPOSITORY, and no other verb takes it")
    unknown = [given for given in options.names if given not in known]
    if unknown:
        parser.error(f"no image {unknown[0]}; there are {', '.join(known)}")
    try:
        verbs[options.verb]([catalog.by_name(given) for given in options.names or usual])
    except ToolError as refusal:
        print(f"images: {refusal}", file=sys.stderr)
        return 2
    except OSError as error:
        # A full disk, a folder that may not be written: the machine's trouble, not ours.
        print(f"images: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def build(images: list[Image]) -> None:
    """Build what is missing; print the full name of each image."""
    for built in build_images(images):
        print(built.reference)


def load(images: list[Image]) -> None:
    """Build what is missing, load into the cluster in use; print the full name of each image."""
    for built in build_images(images):
        _load(built)
        print(built.reference)


def _load(built: Built) -> None:
    """Hand the archive to the cluster, which has its own way to load images."""
    command = ["-m", "hack.cluster", "load", built.reference, str(built.archive)]
    # Its words go to standard error: ours are the image names.
    done = subprocess.run([sys.executable, *command], cwd=ROOT, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise ToolError(f"the cluster did not take {built.reference}; is one up? see make status")


def push(images: list[Image], repository: str) -> None:
    """Build what is missing, send it to *repository*; print the full name each image has there."""
    engine = find_engine()
    for built in build_images(images):
        target = catalog.at_repository(built.reference, repository)
        with step(f"pushing {target}"), exclusive():
            engine.push(built.archive, built.reference, target, cache_folder() / "log" / "push.log")
        print(target)


def name(images: list[Image]) -> None:
    """Print the full name each image has with its present content."""
    base = choose_base()
    for image in images:
        print(locate(image, base).reference)


def size(images: list[Image]) -> None:
    """Print what each image takes unpacked and compressed."""
    for built in build_images(images):
        unpacked, packed = measure(built.archive)
        print(f"{built.reference}  {unpacked / 1e6:.1f} MB, compressed {packed / 1e6:.1f} MB")


def measure(archive: Path) -> tuple[int, int]:
    """Return the bytes of an image archive's files, and of its layers compressed with gzip."""
    unpacked = packed = 0
    with tarfile.open(archive) as image:
        for member in image:
            content = image.extractfile(member) if member.isreg() else None
            # Layers are archives in the archive; the rest is a few kB of JSON.
            if content is None or member.name.endswith((".json", "/json", "/VERSION")):
                continue
            data = content.read()
            try:
                with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                    unpacked += sum(file.size for file in layer if file.isreg())
            except tarfile.ReadError:
                continue
            packed += len(gzip.compress(data, compresslevel=6))
    return unpacked, packed


def clean(_images: list[Image]) -> None:
    """Remove everything built here: archives, bases and buildah's storage."""
    # Not under a build that is running.
    with exclusive():
        for folder in (cache_folder(), run_folder()):
            # A build that was killed leaves its overlay mounted.
            for point in reversed(mounts_below(folder, Path("/proc/self/mounts").read_text())):
                run(["umount", point], timeout=30)
            if folder.exists():
                shutil.rmtree(folder)


def mounts_below(folder: Path, table: str) -> list[str]:
    """Return the mount points below *folder* in a mount *table* as the kernel writes it."""
    points = [Path(line.split()[1]) for line in table.splitlines()]
    return [str(point) for point in points if point.is_relative_to(folder)]


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
