"""The runtime gets into a volume as it is, or one line says why it did not."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from mcpworkload.bridge import install
from mcpworkload.bridge.install import NotCopied, copy_runtime


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A runtime of two files."""
    (tmp_path / "mcpw/bin").mkdir(parents=True)
    (tmp_path / "mcpw/lib/inner").mkdir(parents=True)
    (tmp_path / "mcpw/bin/mcpw").write_bytes(b"program")
    (tmp_path / "mcpw/bin/mcpw").chmod(0o755)
    (tmp_path / "mcpw/lib/inner/module.pyc").write_bytes(b"code")
    (tmp_path / "mcpw/lib/inner/module.pyc").chmod(0o644)
    return tmp_path / "mcpw"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An empty volume."""
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume"


def modes(folder: Path) -> dict[str, int]:
    """The files below *folder* and their modes."""
    return {
        str(path.relative_to(folder)): path.stat().st_mode & 0o777
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_everything_is_copied(source: Path, target: Path) -> None:
    """Contents and executable bits arrive; what is said is what there is."""
    copied = copy_runtime(source, target)

    assert modes(target) == {"bin/mcpw": 0o755, "lib/inner/module.pyc": 0o644}
    assert (target / "bin/mcpw").read_bytes() == b"program"
    assert (copied.files, copied.size) == (2, 11)


def test_the_volume_itself_is_left_alone(source: Path, target: Path) -> None:
    """Its mode is the kubelet's: copying ours onto it is refused to who does not own it."""
    target.chmod(0o2777)
    source.chmod(0o755)

    copy_runtime(source, target)

    assert target.stat().st_mode & 0o7777 == 0o2777


def test_an_earlier_try_does_not_matter(source: Path, target: Path) -> None:
    """What a killed try left is replaced, also where it cannot be written to."""
    (target / "bin").mkdir()
    (target / "bin/mcpw").write_bytes(b"prog")
    (target / "bin/mcpw").chmod(0o400)

    copy_runtime(source, target)

    assert (target / "bin/mcpw").read_bytes() == b"program"
    assert modes(target)["bin/mcpw"] == 0o755


def test_a_missing_volume_is_reported(source: Path, tmp_path: Path) -> None:
    """What is missing, and what would be right."""
    with pytest.raises(NotCopied, match=r"nowhere.*No such file.*mount a volume there"):
        copy_runtime(source, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        pytest.param(errno.ENOSPC, "raise the volume's sizeLimit", id="disk full"),
        pytest.param(errno.EROFS, "needs it writable", id="read-only"),
        pytest.param(errno.EACCES, "fsGroup", id="not ours"),
        pytest.param(errno.EIO, "Input/output error", id="anything else is said as it is"),
    ],
)
def test_refusals_say_what_to_do(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    """The system's words, and the way out of it."""

    def refuse(_source: Path, into: Path) -> None:
        raise OSError(number, os.strerror(number), str(into))

    monkeypatch.setattr(shutil, "copyfile", refuse)

    with pytest.raises(NotCopied) as refusal:
        copy_runtime(source, target)

    assert os.strerror(number) in str(refusal.value)
    assert advice in str(refusal.value)


def test_the_command_says_one_line(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `kubectl logs -c` shows of the init container."""
    monkeypatch.setattr(install, "HOME", source)

    assert install.run(str(target)) == 0

    said = capsys.readouterr().out
    assert said.startswith("mcpw install: 2 files, 0.0 MB, in ")
    assert said.endswith(f" to {target}\n")


def test_the_command_fails_with_one_line(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback: the pod's status shows its last line."""
    monkeypatch.setattr(install, "HOME", source)

    assert install.run(str(tmp_path / "nowhere")) == 1

    assert capsys.readouterr().err.count("\n") == 1
