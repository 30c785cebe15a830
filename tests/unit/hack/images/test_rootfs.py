"""Which files of which Debian packages end up in a base image."""

import pytest

from hack.images.rootfs import LEFT_OUT, UNWANTED_FILES, merged_path


@pytest.mark.parametrize(
    ("name", "merged"),
    [
        pytest.param("./lib/x/libc.so.6", "usr/lib/x/libc.so.6", id="library"),
        pytest.param("./lib64/ld.so", "usr/lib64/ld.so", id="loader"),
        pytest.param("./bin/busybox", "usr/bin/busybox", id="program"),
        pytest.param("./usr/bin/python3", "usr/bin/python3", id="already there"),
        pytest.param("./lib/", "lib", id="the folder itself is our link"),
        pytest.param("./library/x", "library/x", id="only looks alike"),
        pytest.param("./", "", id="the root has no name"),
    ],
)
def test_usr_is_merged(name: str, merged: str) -> None:
    """Packages of both layouts come out as one."""
    assert merged_path(name) == merged


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("usr/bin/python3", True),
        ("usr/bin/python3.11", True),
        ("usr/bin/py3compile", False),
        ("usr/lib/python3.11/asyncio/base_events.py", True),
        ("usr/lib/python3.11/unittest/case.py", True),
        ("usr/lib/python3.11/test/support.py", False),
        ("usr/lib/python3.11/testing_tools.py", True),
        ("usr/lib/python3.11/turtle.py", False),
        ("usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", True),
        ("usr/lib/python3.11/lib-dynload/_sqlite3.cpython-311-x86_64-linux-gnu.so", False),
        ("usr/lib/x86_64-linux-gnu/gconv/BIG5.so", False),
        ("usr/share/doc/libc6/copyright", True),
        ("usr/share/doc/libc6/changelog.gz", False),
        ("usr/share/common-licenses/GPL-2", True),
        ("usr/share/python-wheels/pip.whl", True),
        ("usr/share/man/man1/sh.1.gz", False),
    ],
)
def test_files(name: str, *, wanted: bool) -> None:
    """Licences and what runs stay; documentation, tests and unused modules do not."""
    assert (UNWANTED_FILES.fullmatch(name) is None) is wanted


@pytest.mark.parametrize(
    ("package", "wanted"),
    [
        ("libc6", True),
        ("libstdc++6", True),
        ("libssl3t64", True),
        ("python3.13-minimal", True),
        ("python3-pip-whl", True),
        ("perl-base", False),
        ("gcc-14-base", False),
        ("libreadline8t64", False),
        ("libsqlite3-0", False),
    ],
)
def test_packages(package: str, *, wanted: bool) -> None:
    """What only maintainer scripts need is left out, in later releases too."""
    assert (LEFT_OUT.fullmatch(package) is None) is wanted
