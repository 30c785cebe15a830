"""A workload that cannot serve says why, in the words of whoever knows, until it can."""

import asyncio

from tests.rig.audit import AuditLog
from tests.rig.builders import SMALL, make_object, make_running_workload
from tests.rig.kinds import Manifest
from tests.rig.predicates import condition_of, has_condition
from tests.rig.space import Space

TROUBLE_SECONDS = 60
HEAL_SECONDS = 60
# The kubelet tries a second time after ten seconds; by then a loop is a loop.
QUIET_SECONDS = 20.0


async def message_of(space: Space, name: str, reason: str) -> str:
    """Why the workload is not available, once it says *reason*."""
    trouble = has_condition("Available", "False", reason)
    workload = await space.until("MCPWorkload", name, trouble, TROUBLE_SECONDS)
    ready = condition_of(workload, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", reason)
    message: str = condition_of(workload, "Available")["message"]
    return message


async def heal(space: Space, manifest: Manifest) -> None:
    """Apply what is right, and wait until the workload serves."""
    await space.settle(manifest, HEAL_SECONDS)


async def test_an_image_that_does_not_exist(space: Space, audit: AuditLog) -> None:
    """The kubelet's error, written once however often it is tried; a right image heals it."""
    missing = SMALL.replace("/time:", "/no-such-image:")
    await space.apply(make_running_workload("weather", image=missing))

    message = await message_of(space, "weather", "ImagePullFailed")

    assert message.startswith("pod weather-0, container mcp: ")
    assert missing in message
    log = audit.from_now()
    await asyncio.sleep(QUIET_SECONDS)
    assert log.writes(space.name) == []
    await heal(space, make_running_workload("weather"))


async def test_a_command_that_ends(space: Space) -> None:
    """The exit code and the server's last words."""
    command = ["python3", "-c", "import sys; print('no city given'); sys.exit(3)"]
    await space.apply(make_running_workload("weather", command=command))

    message = await message_of(space, "weather", "CrashLooping")

    assert "pod weather-0, container mcp" in message
    assert "exited with code 3" in message
    assert "no city given" in message
    await heal(space, make_running_workload("weather"))


async def test_a_program_that_is_not_there(space: Space) -> None:
    """What the container runtime says about it."""
    await space.apply(make_running_workload("weather", command=["/no/such/program"]))

    message = await message_of(space, "weather", "StartFailed")

    assert "/no/such/program" in message
    await heal(space, make_running_workload("weather"))


async def test_a_request_that_no_node_can_meet(space: Space) -> None:
    """The scheduler's words."""
    greedy = {"requests": {"memory": "9Ti"}}
    await space.apply(make_running_workload("weather", resources=greedy))

    message = await message_of(space, "weather", "Unschedulable")

    assert message.startswith("pod weather-0: ")
    assert "Insufficient memory" in message
    await heal(space, make_running_workload("weather"))


async def test_a_reference_that_is_missing(space: Space) -> None:
    """A Secret that we may not look for is named by the kubelet; creating it is enough."""
    source = [{"secretRef": {"name": "cities"}}]
    await space.apply(make_running_workload("weather", envFrom=source))

    message = await message_of(space, "weather", "ConfigError")

    assert '"cities" not found' in message
    await space.create(make_object("Secret", "cities", stringData={"CITY": "Oslo"}))
    ready = has_condition("Ready", "True")
    await space.until("MCPWorkload", "weather", ready, HEAL_SECONDS)


async def test_a_server_that_eats_its_memory(space: Space) -> None:
    """Killed at its limit, and told so."""
    command = ["python3", "-c", "x = []\nwhile True: x.append(bytearray(10**6))"]
    limits = {"limits": {"memory": "32Mi"}}
    await space.apply(make_running_workload("weather", command=command, resources=limits))

    message = await message_of(space, "weather", "OOMKilled")

    assert "pod weather-0, container mcp" in message
