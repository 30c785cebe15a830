"""
Kubernetes' Pod Security Standards, as of version 1.34, for a template instead of a pod.

The namespace's own admission judges pods, long after the author of a spec has applied it; here the
same rules give a condition at once, and hold in namespaces that enforce nothing. The version is
pinned: a newer operator refuses nothing that an older one accepted, unless the changelog says so.
Fields of ephemeral containers are judged like those of any other. Each rule yields what breaks the
sentence in its docstring.
"""

from collections.abc import Callable, Iterator
from typing import Final

from mcpworkload.controller.admission.view import Finding, PodTemplate, View, connections_of

Rule = Callable[[PodTemplate], Iterator[Finding]]

VERSION: Final = "v1.34"
_BASELINE: Final = f"Pod Security baseline ({VERSION})"
_RESTRICTED: Final = f"Pod Security restricted ({VERSION})"

_BASELINE_CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
    *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
_SELINUX_TYPES = (
    *(None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"),
)
_PROFILE_TYPES = ("RuntimeDefault", "Localhost")
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_SAFE_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
_RESTRICTED_VOLUMES = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
    *("persistentVolumeClaim", "projected", "secret"),
)


def host_namespaces(pod: PodTemplate) -> Iterator[Finding]:
    """Network, processes and IPC of the node stay its own."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if not pod.spec[field].is_off:
            yield pod.spec[field].finding(f"leave it out: {_BASELINE} forbids host namespaces")


def privileged(pod: PodTemplate) -> Iterator[Finding]:
    """No container is privileged."""
    for context in pod.container_contexts:
        field = context["privileged"]
        if not field.is_off:
            yield field.finding(f"leave it out: {_BASELINE} forbids it")


def host_process(pod: PodTemplate) -> Iterator[Finding]:
    """No Windows container runs as a process of its node."""
    for context in pod.security_contexts:
        field = context["windowsOptions"]["hostProcess"]
        if not field.is_off:
            yield field.finding(f"leave it out: {_BASELINE} forbids it")


def baseline_capabilities(pod: PodTemplate) -> Iterator[Finding]:
    """Only capabilities of the runtimes' default set are added."""
    for context in pod.container_contexts:
        for entry in context["capabilities"]["add"].items():
            if not entry.is_one_of(_BASELINE_CAPABILITIES):
                yield entry.finding(
                    f"{_BASELINE} allows {', '.join(_BASELINE_CAPABILITIES)} and no other"
                )


def host_path_volumes(pod: PodTemplate) -> Iterator[Finding]:
    """No volume is a directory of the node."""
    for volume in pod.volumes:
        if not volume["hostPath"].is_absent:
            yield volume["hostPath"].finding(
                f"use another kind of volume: {_BASELINE} forbids hostPath"
            )


def host_ports(pod: PodTemplate) -> Iterator[Finding]:
    """No container takes a port of the node."""
    for container in pod.containers:
        for port in container["ports"].items():
            field = port["hostPort"]
            if not (field.is_absent or (field.value == 0 and field.value is not False)):
                yield field.finding(f"leave it out: {_BASELINE} forbids ports of the node")


def probe_hosts(pod: PodTemplate) -> Iterator[Finding]:
    """Probes and lifecycle hooks talk to the pod itself, not through the kubelet to others."""
    for container in pod.containers:
        for connection in connections_of(container):
            if not connection["host"].is_one_of((None, "")):
                yield connection["host"].finding(f"leave it out: {_BASELINE} forbids another host")


def app_armor(pod: PodTemplate) -> Iterator[Finding]:
    """AppArmor is not switched off, by its field or by its former annotation."""
    yield from _profiles(pod, "appArmorProfile")
    for key, annotation in pod.metadata["annotations"].members():
        text = annotation.text()
        is_fine = text in ("", "runtime/default") or text.startswith("localhost/")
        if key.startswith(_APPARMOR_ANNOTATION) and not is_fine:
            yield annotation.finding(
                f"write runtime/default or localhost/...: {_BASELINE} forbids others"
            )


def baseline_seccomp(pod: PodTemplate) -> Iterator[Finding]:
    """Seccomp is not switched off."""
    yield from _profiles(pod, "seccompProfile")


def se_linux(pod: PodTemplate) -> Iterator[Finding]:
    """SELinux's type is one made for containers; user and role are the runtime's."""
    for context in pod.security_contexts:
        options = context["seLinuxOptions"]
        if options.is_absent:
            continue
        if not options["type"].is_one_of(_SELINUX_TYPES):
            kinds = ", ".join(filter(None, _SELINUX_TYPES))
            yield options["type"].finding(f"{_BASELINE} allows {kinds} and no other")
        for field in (options["user"], options["role"]):
            if not field.is_one_of((None, "")):
                yield field.finding(f"leave it out: {_BASELINE} forbids it")


def proc_mount(pod: PodTemplate) -> Iterator[Finding]:
    """The runtime's masks over /proc stay."""
    for context in pod.container_contexts:
        field = context["procMount"]
        if not field.is_one_of((None, "Default")):
            yield field.finding(f"leave it out: {_BASELINE} forbids another than Default")


def sysctls(pod: PodTemplate) -> Iterator[Finding]:
    """Only kernel parameters that do not reach beyond the pod are set."""
    for entry in pod.spec["securityContext"]["sysctls"].items():
        if not entry["name"].is_one_of(_SAFE_SYSCTLS):
            yield entry["name"].finding(f"{_BASELINE} allows {', '.join(_SAFE_SYSCTLS)}")


def privilege_escalation(pod: PodTemplate) -> Iterator[Finding]:
    """No process gains rights that its parent has not."""
    for context in () if _is_windows(pod) else pod.container_contexts:
        field = context["allowPrivilegeEscalation"]
        if field.value is not False:
            yield field.finding(f"write false: {_RESTRICTED} requires it")


def restricted_capabilities(pod: PodTemplate) -> Iterator[Finding]:
    """All capabilities are dropped; only the one for low ports may be added."""
    for context in () if _is_windows(pod) else pod.container_contexts:
        capabilities = context["capabilities"]
        if not any(entry.value == "ALL" for entry in capabilities["drop"].items()):
            yield capabilities["drop"].finding(f"write [ALL]: {_RESTRICTED} requires it")
        for entry in capabilities["add"].items():
            if entry.value != "NET_BIND_SERVICE":
                yield entry.finding(f"{_RESTRICTED} allows NET_BIND_SERVICE and no other")


def restricted_volumes(pod: PodTemplate) -> Iterator[Finding]:
    """Volumes are of kinds that give no access to a node or a storage system."""
    for volume in pod.volumes:
        for kind, source in volume.members():
            if kind not in ("name", *_RESTRICTED_VOLUMES):
                kinds = ", ".join(_RESTRICTED_VOLUMES)
                yield source.finding(f"{_RESTRICTED} allows {kinds} and no other")


def non_root(pod: PodTemplate) -> Iterator[Finding]:
    """All containers run as another user than root, and the template states it."""
    general = pod.spec["securityContext"]["runAsNonRoot"]
    if not (general.is_absent or general.value is True):
        yield general.finding(f"write true: {_RESTRICTED} requires it")
    for context in pod.container_contexts:
        field = context["runAsNonRoot"]
        if not (field.value is True or (field.is_absent and general.value is True)):
            yield field.finding(f"write true: {_RESTRICTED} requires it")
    for context in pod.security_contexts:
        if context["runAsUser"].value == 0:
            yield context["runAsUser"].finding(f"write another user: {_RESTRICTED} forbids root")


def restricted_seccomp(pod: PodTemplate) -> Iterator[Finding]:
    """Every container has a seccomp profile, its own or the pod's."""
    general = pod.spec["securityContext"]["seccompProfile"]
    for context in () if _is_windows(pod) else pod.container_contexts:
        own = context["seccompProfile"]
        if own.is_absent and general.is_absent:
            yield own.finding(f"write type: RuntimeDefault: {_RESTRICTED} requires a profile")


BASELINE: Final[tuple[Rule, ...]] = (
    host_namespaces,
    privileged,
    host_process,
    baseline_capabilities,
    host_path_volumes,
    host_ports,
    probe_hosts,
    app_armor,
    baseline_seccomp,
    se_linux,
    proc_mount,
    sysctls,
)
#: What restricted asks for beyond baseline.
RESTRICTED: Final[tuple[Rule, ...]] = (
    privilege_escalation,
    restricted_capabilities,
    restricted_volumes,
    non_root,
    restricted_seccomp,
)


def _profiles(pod: PodTemplate, name: str) -> Iterator[Finding]:
    for context in pod.security_contexts:
        profile: View = context[name]
        if not profile.is_absent and not profile["type"].is_one_of(_PROFILE_TYPES):
            yield profile["type"].finding(
                f"write {' or '.join(_PROFILE_TYPES)}: {_BASELINE} forbids others"
            )


def _is_windows(pod: PodTemplate) -> bool:
    """Return whether the pod is for Windows: the API server refuses these fields there."""
    return bool(pod.spec["os"]["name"].value == "windows")
