"""A workload that cannot serve says why, in the words of whoever knows, until it can."""

import asyncio

import pytest

from tests.rig.audit import AuditLog
from tests.rig.builders import LISTEN, SMALL, make_object, make_running_workload
from tests.rig.kinds import Manifest
from tests.rig.predicates import condition_of, has_condition, is_ready
from tests.rig.space import Space

pytestmark = pytest.mark.slow

TROUBLE_SECONDS = 60
HEAL_SECONDS = 60
# The kubelet tries a second time after ten seconds; by then a loop is a loop.
QUIET_SECONDS = 20.0
LOOP_SECONDS = 30.0
# Opens its port, and ends after three seconds.
_SHORT_LIVED = f"""
import signal, sys
signal.signal(signal.SIGALRM, lambda *_: sys.exit(3))
signal.alarm(3)
{LISTEN[-1]}"""


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


async def test_a_program_that_is_no_server(space: Space) -> None:
    """It ends, and finds nothing wrong with that."""
    await space.apply(make_running_workload("weather", command=["python3", "-c", "pass"]))

    message = await message_of(space, "weather", "CrashLooping")

    assert "pod weather-0, container mcp: exited with code 0" in message


async def test_a_server_that_lives_for_three_seconds(space: Space, audit: AuditLog) -> None:
    """Once it has ended, it is neither Ready nor Available in any of its short lives."""
    command = ["python3", "-I", "-S", "-c", _SHORT_LIVED]
    await space.apply(make_running_workload("weather", command=command))
    await message_of(space, "weather", "CrashLooping")
    log = audit.from_now()

    await asyncio.sleep(LOOP_SECONDS)

    assert log.writes(space.name) == []
    pod = await space.get("Pod", "weather-0")
    assert pod["status"]["containerStatuses"][0]["restartCount"] > 1
    await heal(space, make_running_workload("weather"))


async def test_a_probe_that_never_succeeds(space: Space, audit: AuditLog) -> None:
    """The probe's words, without the pod's address; written once."""
    probes = {"readiness": {"httpGet": {"path": "/health", "port": 9}, "periodSeconds": 2}}
    await space.apply(make_running_workload("weather", probes=probes))

    message = await message_of(space, "weather", "ProbeFailing")

    assert message.startswith("pod weather-0, container mcp: Readiness probe failed: ")
    assert "<address>:9" in message
    log = audit.from_now()
    await asyncio.sleep(QUIET_SECONDS)
    assert log.writes(space.name) == []
    await heal(space, make_running_workload("weather"))


async def test_a_server_that_is_killed_for_its_probe(space: Space, audit: AuditLog) -> None:
    """Why the kubelet ends it, again and again, says more than that it does; written once."""
    probes = {"startup": {"periodSeconds": 1, "failureThreshold": 5}}
    deaf = ["python3", "-c", "import time; time.sleep(1000)"]
    await space.apply(make_running_workload("weather", command=deaf, probes=probes))

    message = await message_of(space, "weather", "ProbeFailing")

    assert message.startswith("pod weather-0, container mcp: Startup probe failed: ")
    log = audit.from_now()
    await asyncio.sleep(QUIET_SECONDS)
    assert log.writes(space.name) == []
    await heal(space, make_running_workload("weather"))


async def test_a_claim_that_nobody_fulfils(space: Space) -> None:
    """Missing at first, then without a volume that fits."""
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "cities"}}
    await space.apply(make_running_workload("weather", volumes=[volume]))

    message = await message_of(space, "weather", "VolumePending")
    assert 'persistentvolumeclaim "cities" not found' in message

    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "no-such-class",
        "resources": {"requests": {"storage": "1Mi"}},
    }
    await space.create(make_object("PersistentVolumeClaim", "cities", spec=spec))
    unbound = has_condition("Available", "False", "VolumePending")
    workload = await space.until("MCPWorkload", "weather", unbound, TROUBLE_SECONDS)
    assert condition_of(workload, "Ready")["status"] == "False"
    await heal(space, make_running_workload("weather"))


async def test_a_volume_that_cannot_be_mounted(space: Space) -> None:
    """The kubelet keeps trying, and says why in Events alone."""
    # A Secret: of a ConfigMap the operator would know that it is not there.
    volume = {"name": "data", "secret": {"secretName": "cities"}}
    # The kubelet looks only at volumes that a container mounts.
    mount = {"name": "data", "mountPath": "/data"}
    await space.apply(make_running_workload("weather", volumes=[volume], volumeMounts=[mount]))

    message = await message_of(space, "weather", "MountFailed")

    assert message.startswith("pod weather-0: ")
    assert 'secret "cities" not found' in message
    await heal(space, make_running_workload("weather"))


async def test_a_quota_that_is_used_up(space: Space) -> None:
    """There is no pod to ask: the StatefulSet controller says so in Events alone."""
    quota = make_object("ResourceQuota", "few", spec={"hard": {"pods": "0"}})
    await space.create(quota)
    await asyncio.sleep(1)
    await space.apply(make_running_workload("weather"))

    message = await message_of(space, "weather", "PodRefused")

    assert message.startswith("pod weather-0: ")
    assert "exceeded quota: few" in message
    assert "used:" not in message
    await space.delete("ResourceQuota", "few")
    await space.until("MCPWorkload", "weather", is_ready(), HEAL_SECONDS)


async def test_a_namespace_that_refuses_the_pod(space: Space) -> None:
    """Pod Security of the namespace; the installation's own policy would allow it."""
    security = {"runAsNonRoot": False, "runAsUser": 0}
    await space.apply(make_running_workload("weather", podSecurityContext=security))

    message = await message_of(space, "weather", "PodRefused")

    assert "violates PodSecurity" in message
    await heal(space, make_running_workload("weather"))


async def test_a_name_that_no_image_has(space: Space) -> None:
    """The kubelet does not even try."""
    await space.apply(make_running_workload("weather", image="Weather:Server:1"))

    message = await message_of(space, "weather", "ImagePullFailed")

    assert "pod weather-0, container mcp: " in message
    assert "Weather:Server:1" in message
    await heal(space, make_running_workload("weather"))


async def test_a_key_that_is_missing(space: Space) -> None:
    """Of a Secret that is there."""
    await space.create(make_object("Secret", "keys", stringData={"other": "x"}))
    source = {"secretKeyRef": {"name": "keys", "key": "token"}}
    environment = [{"name": "TOKEN", "valueFrom": source}]
    await space.apply(make_running_workload("weather", env=environment))

    message = await message_of(space, "weather", "ConfigError")

    assert "couldn't find key token in Secret" in message
    await space.patch("Secret", "keys", {"stringData": {"token": "x"}})
    await space.until("MCPWorkload", "weather", is_ready(), HEAL_SECONDS)


async def test_what_describe_shows(space: Space) -> None:
    """The operator's own Events: of each transition one, on the workload."""
    await space.apply(make_running_workload("weather", command=["/no/such/program"]))
    await message_of(space, "weather", "StartFailed")
    await heal(space, make_running_workload("weather"))
    await asyncio.sleep(1)

    events = [
        event
        for event in await space.read_all("CoreEvent")
        if event["involvedObject"]["kind"] == "MCPWorkload"
    ]

    said = [(event["type"], event["reason"]) for event in events]
    assert sorted(set(said)) == sorted(said)
    assert {("Normal", "Accepted"), ("Warning", "StartFailed"), ("Normal", "Ready")} <= set(said)
