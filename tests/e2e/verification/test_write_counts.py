"""What verification adds to the operator's writes: nothing, as the API server counts them."""

import asyncio

import pytest

from tests.support.audit import AuditLog
from tests.support.namespace import Namespace
from tests.support.real_servers import HANGS, REFUSES, RealServer

QUIET_SECONDS = 3.0


@pytest.mark.long
@pytest.mark.parametrize("server", [REFUSES, HANGS], ids=lambda server: server.label)
async def test_a_slow_start_costs_no_write_of_its_own(
    namespace: Namespace, audit: AuditLog, server: RealServer
) -> None:
    """Two children, a status, and another one when the server has answered, seconds later."""
    log = audit.from_now()
    await namespace.settle(server.manifest(), 90)
    await asyncio.sleep(QUIET_SECONDS)

    assert log.count(namespace.name) == {
        "patch services": 1,
        "patch statefulsets": 1,
        "patch mcpworkloads/status": 2,
    }
