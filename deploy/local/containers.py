"""
What containerd is told, the images it gets by file, and the removal of what pods leave behind.

Shims, mounts and cgroups survive the processes that made them; all of ours are found by the state
folder's path, the mark in their environment, or our own cgroup.
"""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import tarfile
import time
from pathlib import Path

from deploy.cluster.terminal import ClusterError, run, succeeds
from deploy.local.network import plugin_folder
from deploy.local.processes import marked, started_at, stop_all
from deploy.local.settings import PAUSE_IMAGE, Settings

_IMPORT_TIMEOUT = 600.0
_CGROUPS = Path("/sys/fs/cgroup")
_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")
_SHIM_SOCKETS = Path("/run/containerd/s")
_CONTAINER_LOGS = Path("/var/log/containers")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
#: Made by components that can't be told another place; removed only when nobody else uses them.
_SHARED_FOLDERS = (
    *(_SHIM_SOCKETS, _SHIM_SOCKETS.parent, _CONTAINER_LOGS, _DEVICE_PLUGINS),
    *(_DEVICE_PLUGINS.parent, Path("/var/lib/cni/results"), Path("/var/lib/cni")),
)
_KILL_PATIENCE = 10.0


def containerd_configuration(settings: Settings) -> str:
    """The config.toml of containerd. Nothing in it is shared with another containerd."""
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


def uses_cgroup_v1() -> bool:
    """Whether this machine's controllers hang in separate hierarchies."""
    return not (_CGROUPS / "cgroup.controllers").exists()


def make_cgroup(settings: Settings) -> None:
    """Make the cgroup below which the kubelet puts its pods; it refuses one that isn't there."""
    if not uses_cgroup_v1():
        for controller in _CONTROLLERS:
            # One at a time: a kernel without one of them refuses the whole line.
            try:
                (_CGROUPS / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError:
                continue
    for hierarchy in _hierarchies():
        (hierarchy / settings.cgroup).mkdir(exist_ok=True)


def ctr(settings: Settings, *arguments: str) -> str:
    """Run containerd's client in the kubelet's namespace."""
    command = ["ctr", "-a", str(settings.containerd_socket), "-n", "k8s.io", *arguments]
    return run(command, timeout=_IMPORT_TIMEOUT)


def containerd_answers(settings: Settings) -> bool:
    """Whether containerd serves its API."""
    return settings.containerd_socket.exists() and succeeds(
        ["ctr", "-a", str(settings.containerd_socket), "version"]
    )


def qualified(image: str) -> str:
    """
    The name under which the kubelet looks for *image*.

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
        ClusterError: the archive can't be read, or holds no image.
    """
    name = qualified(image)
    memory = settings.state / "images" / hashlib.sha256(name.encode()).hexdigest()
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    present = ctr(settings, "images", "list", "-q", f"name=={name}").split()
    if present and memory.exists() and memory.read_text() == digest:
        return
    answer = ctr(settings, "images", "import", str(archive))
    imported = re.findall(r"^unpacking (\S+)", answer, re.MULTILINE)
    if not imported:
        raise ClusterError(f"{archive} holds no image that containerd can import")
    if name not in imported:
        ctr(settings, "images", "tag", "--force", imported[0], name)
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(digest)


def load_pause_image(settings: Settings) -> None:
    """Import the image that holds a pod's namespaces, made here from one static program."""
    archive = settings.state / "run" / "pause.tar"
    archive.write_bytes(build_archive(Path(settings.binary("pause", "pause")), PAUSE_IMAGE))
    load_image(settings, PAUSE_IMAGE, archive)


def build_archive(program: Path, image: str) -> bytes:
    """A docker archive of an image that holds one program and starts it. Byte-stable."""
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


def remove_pods(settings: Settings) -> None:
    """
    End every process of every pod and undo its mounts; images and metadata stay.

    For when containerd and kubelet don't run: they would fight back.
    """
    _kill_cgroup(settings.cgroup)
    stop_all(marked(settings.state) - {os.getpid()}, patience=0.0)
    _unmount(settings.state)
    shutil.rmtree(settings.state / "run" / "containerd", ignore_errors=True)
    shutil.rmtree(settings.state / "run" / "runc", ignore_errors=True)
    _remove_cgroup(settings.cgroup)
    for link in _dead_log_links(settings.state):
        link.unlink(missing_ok=True)
    _remove_dead_sockets()


def remove_shared_folders() -> None:
    """Remove what stands outside of our state folder, where it is empty; for after everything else."""
    for name in ("kubelet.sock", "kubelet_internal_checkpoint"):
        (_DEVICE_PLUGINS / name).unlink(missing_ok=True)
    for folder in _SHARED_FOLDERS:
        try:
            folder.rmdir()
        except OSError:
            continue


def find_pods(settings: Settings) -> list[str]:
    """Name everything of our pods that is still on this machine."""
    state = settings.state
    return [
        *(f"process {pid}" for pid in sorted(marked(state) - {os.getpid()})),
        *(f"mount {path}" for path in _mounts(state)),
        *(f"cgroup {path}" for path in _cgroup_folders(settings.cgroup)),
        *(f"log link {path}" for path in _dead_log_links(state)),
    ]


def _hierarchies() -> list[Path]:
    if not uses_cgroup_v1():
        return [_CGROUPS]
    return [folder for folder in _CGROUPS.iterdir() if (folder / "cgroup.procs").exists()]


def _cgroup_folders(cgroup: str) -> list[Path]:
    """Our cgroup in every hierarchy, innermost first, as they must be removed."""
    roots = [hierarchy / cgroup for hierarchy in _hierarchies()]
    found = [root for root in roots if root.exists()]
    for root in tuple(found):
        found += [path for path in root.rglob("*") if path.is_dir()]
    return sorted(found, key=lambda path: len(path.parts), reverse=True)


def _kill_cgroup(cgroup: str) -> None:
    deadline = time.monotonic() + _KILL_PATIENCE
    while alive := _cgroup_pids(cgroup):
        if time.monotonic() > deadline:
            raise ClusterError(
                f"processes {sorted(alive)} of pods can't be ended: see them with ps"
            )
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def _cgroup_pids(cgroup: str) -> set[int]:
    pids: set[int] = set()
    for folder in _cgroup_folders(cgroup):
        try:
            pids.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
        except OSError:
            continue
    return {pid for pid in pids if started_at(pid) is not None}


def _remove_cgroup(cgroup: str) -> None:
    for folder in _cgroup_folders(cgroup):
        try:
            folder.rmdir()
        except OSError as error:
            raise ClusterError(f"cgroup {folder} can't be removed: {error.strerror}") from None


def _mounts(state: Path) -> list[str]:
    """Mount points in our state folder, innermost first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    # The kernel writes a space as \040; our own paths have none.
    return [point for point in reversed(points) if point.startswith(f"{state}/")]


def _unmount(state: Path) -> None:
    for point in _mounts(state):
        run(["umount", "--lazy", point])


def _dead_log_links(state: Path) -> list[Path]:
    """The kubelet's links to container logs, in a folder that it can't be told to leave alone."""
    if not _CONTAINER_LOGS.exists():
        return []
    return [
        link
        for link in _CONTAINER_LOGS.iterdir()
        if link.is_symlink() and str(link.readlink()).startswith(f"{state}/")
    ]


def _remove_dead_sockets() -> None:
    """Remove shims' sockets that nobody listens on; their folder is fixed in containerd."""
    if not _SHIM_SOCKETS.exists():
        return
    alive = Path("/proc/net/unix").read_text()
    for socket in _SHIM_SOCKETS.iterdir():
        if str(socket) not in alive:
            socket.unlink(missing_ok=True)
