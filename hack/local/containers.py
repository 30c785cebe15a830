"""The configuration of containerd, and the images that it imports from files."""

import hashlib
import io
import json
import os
import re
import tarfile
from pathlib import Path

from hack.local.network import plugin_folder
from hack.local.settings import PAUSE_IMAGE, Settings
from hack.terminal import ToolError, run, succeeds

_IMPORT_TIMEOUT = 600.0


def containerd_configuration(settings: Settings) -> str:
    """Return the config.toml of containerd. It shares nothing with another containerd."""
    state = settings.state
    return f"""\
version = 2
root = "{state}/containerd"
state = "{state}/run/containerd"
# These two would write outside of our folders.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]

[grpc]
  address = "{settings.containerd_socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE no score can be lowered, and every sandbox would fail to start.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "{state}/run/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugin_folder()}"
    conf_dir = "{state}/cni/config"
"""


def ctr(settings: Settings, *arguments: str) -> str:
    """Run containerd's client in the kubelet's namespace; return its output."""
    command = ["ctr", "-a", str(settings.containerd_socket), "-n", "k8s.io", *arguments]
    return run(command, timeout=_IMPORT_TIMEOUT)


def containerd_answers(settings: Settings) -> bool:
    """Return whether containerd serves its API."""
    return settings.containerd_socket.exists() and succeeds(
        ["ctr", "-a", str(settings.containerd_socket), "version"]
    )


def qualified(image: str) -> str:
    """
    Return the name under which the kubelet finds *image*.

    Docker's rules: a first part without dot or colon is no host, and a missing tag is ``latest``.
    """
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    name = image.rpartition("/")[2]
    return image if ":" in name or "@" in name else f"{image}:latest"


def load_image(settings: Settings, image: str, archive: Path) -> None:
    """
    Import a docker or OCI archive as *image*, unless the same archive was imported before.

    Raises:
        ToolError: the archive cannot be read, or holds no image.
    """
    if not archive.is_file():
        raise ToolError(f"{archive} is not there: build the image first")
    name = qualified(image)
    record = settings.state / "images" / hashlib.sha256(name.encode()).hexdigest()
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    present = ctr(settings, "images", "list", "-q", f"name=={name}").split()
    if present and record.exists() and record.read_text() == digest:
        return
    answer = ctr(settings, "images", "import", str(archive))
    imported = re.findall(r"^unpacking (\S+)", answer, re.MULTILINE)
    if not imported:
        raise ToolError(f"{archive} holds no image that containerd can import")
    if name not in imported:
        ctr(settings, "images", "tag", "--force", imported[0], name)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(digest)


def load_pause_image(settings: Settings) -> None:
    """Import the image that holds a pod's namespaces, made here from one static program."""
    archive = settings.state / "run" / "pause.tar"
    archive.write_bytes(build_archive(Path(settings.binary("pause", "pause")), PAUSE_IMAGE))
    load_image(settings, PAUSE_IMAGE, archive)


def build_archive(program: Path, image: str) -> bytes:
    """Return a docker archive of an image that holds one program and starts it. Byte-stable."""
    layer = _tar({program.name: program.read_bytes()}, mode=0o755)
    configuration = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "amd64"),
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [image], "Layers": ["layer.tar"]}]
    return _tar(
        {
            "layer.tar": layer,
            "config.json": json.dumps(configuration).encode(),
            "manifest.json": json.dumps(manifest).encode(),
        }
    )


def _tar(files: dict[str, bytes], mode: int = 0o644) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
