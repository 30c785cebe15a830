"""The files of images that were built here, and programs that run among them alone."""

import json
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.images.build import Built

#: The user that images and pods of ours run as.
USER = 1000


def unpack(image: Built, root: Path) -> None:
    """Lay the files of *image* below *root*."""
    with tarfile.open(image.archive) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        for name in json.load(manifest)[0]["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                layer.extractall(root, filter="tar")


def start(
    root: Path, command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Start *command* as a user without rights that sees *root* and *environment* alone."""

    def enter() -> None:
        os.chroot(root)
        os.chdir("/")
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)

    return subprocess.Popen(
        command,
        env=environment,
        preexec_fn=enter,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
