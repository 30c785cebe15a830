"""Fixtures of the bridge's tests: credentials of a pod, and tasks of servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcpworkload.bridge.background import Background
from tests.support.fake_attach import make_credentials


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate and its key."""
    return make_credentials(tmp_path_factory.mktemp("credentials"))


@pytest.fixture
def credentials(certificate: Path, tmp_path: Path) -> Path:
    """A folder as the kubelet mounts it, of this test alone."""
    for name in ("token", "ca.crt", "key.pem"):
        (tmp_path / name).write_bytes((certificate / name).read_bytes())
    return tmp_path


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    """The tasks of a bridge's servers."""
    async with Background() as tasks:
        yield tasks
