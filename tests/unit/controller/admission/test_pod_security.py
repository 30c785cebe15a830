"""
The Pod Security Standards, rule by rule: what passes, what does not, in every kind of container.

The rules are Kubernetes' own of version 1.34; a row here is a row of its documentation.
"""

from typing import Any

import pytest

from mcpworkload.controller.admission.pod_security import BASELINE, RESTRICTED
from mcpworkload.controller.admission.view import PodTemplate
from tests.support.templates import build, put

CONTAINERS = ("/spec/containers/0", "/spec/initContainers/0")
CONTEXTS = (*(f"{container}/securityContext" for container in CONTAINERS), "/spec/securityContext")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart")
APPARMOR = "/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1mcp"


def below(parents: tuple[str, ...], field: str, value: Any) -> list[Any]:
    """One row for each of *parents*."""
    return [
        pytest.param(f"{parent}/{field}", value, id=_id(parent, field, value)) for parent in parents
    ]


def _id(parent: str, field: str, value: Any) -> str:
    return f"{parent}/{field}={value}"


def findings(template: Any, *, restricted: bool = False) -> list[str]:
    """The paths of what the rules find."""
    pod = PodTemplate(template)
    rules = (*BASELINE, *RESTRICTED) if restricted else BASELINE
    return ["/" + "/".join(finding.path) for rule in rules for finding in rule(pod)]


FORBIDDEN_BY_BASELINE = [
    *below(("/spec",), "hostNetwork", True),
    *below(("/spec",), "hostPID", True),
    *below(("/spec",), "hostIPC", True),
    *below(("/spec",), "hostNetwork", "true"),
    *below(CONTEXTS[:2], "privileged", True),
    *below(CONTEXTS, "windowsOptions/hostProcess", True),
    *below(CONTEXTS, "appArmorProfile/type", "Unconfined"),
    *below(CONTEXTS, "appArmorProfile/type", None),
    *below(CONTEXTS, "appArmorProfile/type", ""),
    *below(CONTEXTS, "seccompProfile/type", "Unconfined"),
    *below(CONTEXTS, "seccompProfile/type", None),
    *below(CONTEXTS, "seLinuxOptions/type", "spc_t"),
    *below(CONTEXTS, "seLinuxOptions/user", "system_u"),
    *below(CONTEXTS, "seLinuxOptions/role", "system_r"),
    *below(CONTEXTS[:2], "procMount", "Unmasked"),
    *(
        row
        for probe in PROBES
        for handler in ("httpGet", "tcpSocket")
        for row in below(CONTAINERS, f"{probe}/{handler}/host", "169.254.169.254")
    ),
    *below(CONTAINERS, "lifecycle/preStop/httpGet/host", "127.0.0.1"),
    pytest.param(APPARMOR, "unconfined", id="AppArmor's annotation"),
]


@pytest.mark.parametrize(("path", "value"), FORBIDDEN_BY_BASELINE)
def test_baseline_forbids(path: str, value: Any) -> None:
    """The finding is at the very place, and nowhere else."""
    assert findings(put(build(), path, value)) == [path.replace("~1", "/")]


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        *(
            pytest.param(
                f"{context}/capabilities/add",
                ["CHOWN", capability],
                f"{context}/capabilities/add/1",
                id=f"{context} {capability}",
            )
            for context in CONTEXTS[:2]
            for capability in ("SYS_ADMIN", "NET_RAW", "NET_ADMIN", "ALL", "chown", 3, ["CHOWN"])
        ),
        *(
            pytest.param(
                f"{container}/ports",
                [{"containerPort": 80}, {"containerPort": 81, "hostPort": port}],
                f"{container}/ports/1/hostPort",
                id=f"{container} hostPort {port}",
            )
            for container in CONTAINERS
            for port in (81, -1, "81", True)
        ),
        pytest.param(
            "/spec/volumes",
            [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {}}],
            "/spec/volumes/1/hostPath",
            id="hostPath",
        ),
        pytest.param(
            "/spec/securityContext/sysctls",
            [{"name": "net.ipv4.tcp_rmem"}, {"name": "kernel.msgmax", "value": "1"}],
            "/spec/securityContext/sysctls/1/name",
            id="sysctl",
        ),
    ],
)
def test_baseline_forbids_an_entry(path: str, value: Any, found: str) -> None:
    """Of a list, the entry that is wrong."""
    assert findings(put(build(), path, value)) == [found]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *below(("/spec",), "hostNetwork", False),
        *below(("/spec",), "hostPID", None),
        *below(CONTEXTS[:2], "privileged", False),
        *below(CONTEXTS[:2], "privileged", None),
        *below(CONTEXTS, "runAsUser", 0),
        *below(CONTEXTS[:2], "allowPrivilegeEscalation", True),
        *below(CONTEXTS, "windowsOptions/hostProcess", False),
        *below(CONTEXTS, "appArmorProfile", None),
        *below(CONTEXTS, "appArmorProfile/type", "RuntimeDefault"),
        *below(CONTEXTS, "appArmorProfile/type", "Localhost"),
        *below(CONTEXTS, "seccompProfile/type", "Localhost"),
        *below(CONTEXTS, "seccompProfile", None),
        *below(CONTEXTS, "seLinuxOptions/type", "container_t"),
        *below(CONTEXTS, "seLinuxOptions/type", "container_engine_t"),
        *below(CONTEXTS, "seLinuxOptions/type", ""),
        *below(CONTEXTS, "seLinuxOptions/user", ""),
        *below(CONTEXTS, "seLinuxOptions/level", "s0:c1"),
        *below(CONTEXTS[:2], "procMount", "Default"),
        *below(CONTEXTS[:2], "capabilities/add", ["NET_BIND_SERVICE", "SYS_CHROOT"]),
        *below(CONTEXTS[:2], "capabilities/add", None),
        *below(CONTAINERS, "ports", [{"containerPort": 80, "hostPort": 0}]),
        *below(CONTAINERS, "ports", [{"containerPort": 80, "hostPort": None}]),
        *below(CONTAINERS, "livenessProbe/httpGet", {"port": 80, "host": ""}),
        *below(CONTAINERS, "lifecycle/preStop", {"exec": {"command": ["true"]}}),
        *below(CONTAINERS, "startupProbe", None),
        pytest.param("/spec/volumes", [{"name": "a", "hostPath": None}], id="hostPath null"),
        pytest.param("/spec/volumes", [{"name": "a", "nfs": {"server": "x"}}], id="nfs"),
        pytest.param("/spec/volumes", None, id="no volumes"),
        pytest.param(
            "/spec/securityContext/sysctls", [{"name": "net.ipv4.tcp_wmem"}], id="safe sysctl"
        ),
        pytest.param(APPARMOR, "runtime/default", id="AppArmor's annotation: default"),
        pytest.param(APPARMOR, "localhost/mine", id="AppArmor's annotation: a profile"),
        pytest.param(APPARMOR, "", id="AppArmor's annotation: empty"),
        pytest.param("/metadata/annotations/x", "unconfined", id="another annotation"),
    ],
)
def test_baseline_allows(path: str, value: Any) -> None:
    """Also what `restricted` forbids."""
    assert findings(put(build(), path, value)) == []


def test_the_default_template_is_restricted() -> None:
    """A workload that asks for nothing runs anywhere."""
    assert findings(build(), restricted=True) == []


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        *(
            pytest.param(f"{context}/{field}", value, f"{context}/{found}", id=f"{context} {name}")
            for context in CONTEXTS[:2]
            for field, value, found, name in (
                ("allowPrivilegeEscalation", True, "allowPrivilegeEscalation", "escalates"),
                ("allowPrivilegeEscalation", None, "allowPrivilegeEscalation", "may escalate"),
                ("capabilities/drop", ["CHOWN"], "capabilities/drop", "drops some"),
                ("capabilities", None, "capabilities/drop", "drops none"),
                ("capabilities/add", ["CHOWN"], "capabilities/add/0", "adds"),
                ("runAsNonRoot", False, "runAsNonRoot", "may be root"),
                ("runAsUser", 0, "runAsUser", "is root"),
            )
        ),
        pytest.param(
            "/spec/securityContext/runAsUser", 0, "/spec/securityContext/runAsUser", id="root"
        ),
        pytest.param(
            "/spec/volumes",
            [{"name": "a", "nfs": {"server": "x"}}],
            "/spec/volumes/0/nfs",
            id="a volume of a storage system",
        ),
        pytest.param(
            "/spec/volumes",
            [{"name": "a", "emptyDir": {}, "new": {}}],
            "/spec/volumes/0/new",
            id="a volume that we do not know",
        ),
    ],
)
def test_restricted_forbids(path: str, value: Any, found: str) -> None:
    """What baseline allows."""
    template = put(build(), path, value)

    assert findings(template) == []
    assert findings(template, restricted=True) == [found]


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("runAsNonRoot", ["/spec/initContainers/0/securityContext/runAsNonRoot"]),
        (
            "seccompProfile",
            [f"{container}/securityContext/seccompProfile" for container in reversed(CONTAINERS)],
        ),
    ],
)
def test_restricted_requires_of_each_container_what_the_pod_does_not_say(
    field: str, found: list[str]
) -> None:
    """The server's container says by itself that it runs as no root."""
    template = put(build(), f"/spec/securityContext/{field}", None)

    assert findings(template, restricted=True) == found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *below(CONTEXTS[:2], "capabilities/add", ["NET_BIND_SERVICE"]),
        *below(CONTEXTS, "runAsUser", 2000),
        pytest.param("/spec/volumes", [{"name": "a"}], id="a volume of the default kind"),
        pytest.param(
            "/spec/volumes",
            [{"name": kind, kind: {}} for kind in ("csi", "image", "ephemeral", "secret")],
            id="harmless volumes",
        ),
    ],
)
def test_restricted_allows(path: str, value: Any) -> None:
    """The few things that may be had."""
    assert findings(put(build(), path, value), restricted=True) == []


def test_windows_has_none_of_what_restricted_requires() -> None:
    """The API server refuses a Windows pod that sets these."""
    template = put(build(), "/spec/os", {"name": "windows"})
    for container in CONTAINERS:
        template = put(template, f"{container}/securityContext", {"runAsNonRoot": True})
    template = put(template, "/spec/securityContext", {"runAsNonRoot": True})

    assert findings(template, restricted=True) == []
