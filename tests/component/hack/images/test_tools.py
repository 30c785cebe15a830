"""The small parts: settings for a build, last words of a failure, mounts, commands."""

from pathlib import Path

import pytest

from hack.images.__main__ import mounts_below
from hack.images.cache import whole_file
from hack.images.engines import Build
from hack.images.shell import logged
from hack.images.trust import npm_configuration, parse_pip_settings, pip_configuration
from hack.terminal import ToolError


def test_pip_settings_of_the_environment_win() -> None:
    """As in pip itself; settings of other commands are not ours."""
    listing = (
        ":env:.index-url='https://env.example/simple'\n"
        "global.index-url='https://file.example/simple'\n"
        "global.trusted-host='a\\nb'\n"
        "freeze.timeout='10'\n"
    )

    assert parse_pip_settings(listing) == {
        "index-url": "https://env.example/simple",
        "trusted-host": "a\nb",
    }


def test_pip_configuration() -> None:
    """Only what reaches an index is handed over, with the bundle at its place in the build."""
    settings = {"index-url": "https://pip.example", "trusted-host": "a\nb", "find-links": "/here"}

    assert pip_configuration(settings, private_ca=True) == (
        "[global]\n"
        "index-url = https://pip.example\n"
        "trusted-host = a\n  b\n"
        "cert = /run/build/ca.pem\n"
    )
    assert pip_configuration({}, private_ca=False) == "[global]\n"


def test_npm_configuration() -> None:
    """Likewise for npm."""
    assert npm_configuration("https://npm.example/", private_ca=True) == (
        "registry=https://npm.example/\ncafile=/run/build/ca.pem\n"
    )
    assert npm_configuration(None, private_ca=False) == ""


def test_build_options() -> None:
    """One spelling that docker and buildah both understand."""
    build = Build(
        context=Path("/context"),
        dockerfile=Path("/Dockerfile"),
        reference="localhost/x:1",
        log=Path("/log"),
        arguments={"BASE": "b"},
        secrets={"ca": Path("/ca.pem")},
        target="runtime",
    )

    assert build.options() == [
        *("--file", "/Dockerfile", "--tag", "localhost/x:1", "--build-arg", "BASE=b"),
        *("--secret", "id=ca,src=/ca.pem", "--target", "runtime", "/context"),
    ]


def test_mounts_below() -> None:
    """Only mounts inside the folder are ours to remove."""
    table = "a / ext4 rw 0 0\nb /cache/x/merged overlay rw 0 0\nc /cache-two/y overlay rw 0 0\n"

    assert mounts_below(Path("/cache"), table) == ["/cache/x/merged"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(
            "echo ERROR: no such package; echo subprocess exited with status 1; "
            "echo 'Error: building at STEP \"RUN x\": exit status 1'",
            "ERROR: no such package",
            id="the builder only repeats the command",
        ),
        pytest.param("echo out of luck", "out of luck", id="no error named"),
        pytest.param("true", "no output", id="silent"),
    ],
)
def test_last_words(tmp_path: Path, script: str, words: str) -> None:
    """A failure is one line that names what was wrong, and the log."""
    log = tmp_path / "log"

    with pytest.raises(ToolError, match=f"sh failed: {words} .log: {log}"):
        logged(["sh", "-c", f"{script}; exit 1"], log=log, timeout=5)


def test_a_missing_program_is_one_line(tmp_path: Path) -> None:
    """No traceback for a tool that is not there."""
    with pytest.raises(ToolError, match="no-such-tool"):
        logged(["no-such-tool"], log=tmp_path / "log", timeout=5)


def test_half_a_file_is_never_seen(tmp_path: Path) -> None:
    """A failed write leaves what was there before and no rubbish."""
    target = tmp_path / "archive.tar"
    target.write_text("before")

    def fail() -> None:
        with whole_file(target) as unfinished:
            unfinished.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert [path.name for path in tmp_path.iterdir()] == ["archive.tar"]
    assert target.read_text() == "before"
