"""
Require that the parts of a stdio server's bridge stay in the template as the operator built them.

Without them the pod would serve nothing, or something that no rule has judged; and the token of a
bridge that attaches is for the bridge alone.
"""

import posixpath
from collections.abc import Iterator
from typing import Any, Final

from mcpworkload.api import names
from mcpworkload.controller.admission.view import Finding, PodTemplate, View

_OURS = (names.BRIDGE, names.BRIDGE_TOKEN)
# Fields that differ between installations; the rules of Pod Security judge the last one.
_FREE: Final = ("imagePullPolicy", "resources", "securityContext")
_SEPARATOR = "--"


def bridge_is_intact(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """
    Yield what differs from *before*, the operator's own, in a template with a bridge.

    In a template without one, yield what only looks like a bridge.
    """
    ours = {volume["name"].value for volume in before.volumes}.intersection(_OURS)
    yield from _volumes(pod, before)
    yield from _containers(pod, before)
    yield from _service_account(pod, before, names.BRIDGE_TOKEN in ours)
    if not ours:
        return
    yield from _mounts(pod, before)
    grace = pod.spec["terminationGracePeriodSeconds"]
    if grace.value != before.spec["terminationGracePeriodSeconds"].value:
        yield grace.finding(
            "write it as spec.terminationGracePeriodSeconds: the bridge has to know it"
        )
    if names.BRIDGE in ours:
        yield from _command(pod, before)
    else:
        yield from _attachment(pod, before)


def bridge_is_not_lent(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """
    Yield what gives another container the bridge's rights or its place, in a live template.

    The bridge's own parts are not compared: the operator applies them, and the API server has
    written defaults into them.
    """
    for entries, others in ((pod.volumes, before.volumes), (pod.containers, before.containers)):
        known = {entry["name"].value for entry in others}
        for entry in entries:
            if entry["name"].value in _OURS and entry["name"].value not in known:
                yield entry["name"].finding("choose another name: this one is the bridge's")
    is_attached = names.BRIDGE_TOKEN in {volume["name"].value for volume in before.volumes}
    yield from _service_account(pod, before, is_attached)
    if is_attached or names.BRIDGE in {volume["name"].value for volume in before.volumes}:
        yield from _mounts(pod, before)
    if is_attached:
        yield from _attachment(pod, before)


def _service_account(pod: PodTemplate, before: PodTemplate, is_attached: bool) -> Iterator[Finding]:
    """Yield a ServiceAccount that is reserved for bridges, in a pod without such a bridge."""
    own = before.spec["serviceAccountName"].value if is_attached else None
    # The second is the first one's name of old, and taken where the first is missing.
    for field in ("serviceAccountName", "serviceAccount"):
        service_account = pod.spec[field]
        if (
            service_account.text().endswith(names.BRIDGE_SERVICE_ACCOUNT_SUFFIX)
            and service_account.value != own
        ):
            yield service_account.finding(
                "take another account: those of such a name are for the bridges of stdio servers"
            )


def _volumes(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    ours = {volume["name"].value: volume.value for volume in before.volumes}
    for volume in pod.volumes:
        name = volume["name"].value
        if name in _OURS and ours.get(name) != volume.value:
            yield volume.finding(
                f"leave it as it was, or choose another name: {name} is the bridge's"
            )
    there = {volume["name"].value for volume in pod.volumes}
    for name in _OURS:
        if name in ours and name not in there:
            yield pod.spec["volumes"].finding(f"leave {name} in: it is the bridge's")


def _containers(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """
    Yield what is wrong if the bridge's container is not the first, or not alone in its name.

    Only a gate comes before it.
    """
    wanted = _first_after_gate(before.spec["initContainers"])
    is_wanted = wanted["name"].value == names.BRIDGE
    first = _first_after_gate(pod.spec["initContainers"])
    if is_wanted and first["name"].value != names.BRIDGE:
        yield first["name"].finding(f"leave {names.BRIDGE} first: it brings or is the bridge")
        return
    if is_wanted:
        for field in first.differing(wanted, _FREE):
            yield field.finding("leave it as it was: the bridge needs it so")
    for container in pod.containers:
        is_ours = is_wanted and container.path == first.path
        if container["name"].value == names.BRIDGE and not is_ours:
            yield container["name"].finding("choose another name: this one is the bridge's")


def _mounts(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """
    Yield mounts of the bridge's volumes beyond those in *before*, and mounts that cover them.

    *before* has one mount in the server's container, which no spec can write, and that of a sidecar
    of the spec that names such a volume.
    """
    given = before.spec["containers"].first["volumeMounts"].first
    for container in pod.containers:
        name = container["name"].value
        if name == names.BRIDGE:
            continue  # judged as a whole
        is_given = name == names.CONTAINER and given["name"].value == names.BRIDGE
        ours = [_plain(given)] if is_given else []
        left = list(ours)
        for mount in container["volumeMounts"].items():
            if mount["name"].value in _OURS and _plain(mount) in left:
                left.remove(_plain(mount))
            elif mount["name"].value in _OURS:
                yield mount.finding("leave it out, or as it was: the volume is the bridge's")
            elif any(_covers(mount["mountPath"].text(), mine["mountPath"]) for mine in ours):
                yield mount["mountPath"].finding("take another path: the bridge lies there")
        for missing in left:
            yield container["volumeMounts"].finding(
                f"leave the mount of {missing['name']} at {missing['mountPath']} in"
            )


def _covers(path: str, ours: str) -> bool:
    """Return whether a mount at *path* would hide, or be hidden by, what is at *ours*."""
    one, other = _steps(path), _steps(ours)
    return one == other[: len(one)] or other == one[: len(other)]


def _steps(path: str) -> list[str]:
    return [step for step in posixpath.normpath(f"/{path}").split("/") if step]


def _command(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """Yield what is wrong if the container does not start the bridge with the server's program."""
    server, wanted = pod.spec["containers"].first, before.spec["containers"].first
    if server["command"].value != wanted["command"].value:
        yield server["command"].finding(
            f"leave {' '.join(wanted['command'].value)}: the bridge is started first; what it "
            "starts stands at the end of args"
        )
    words = wanted["args"].value
    ours = words[: words.index(_SEPARATOR) + 1]
    given = server["args"].value
    if not isinstance(given, list) or given[: len(ours)] != ours or len(given) == len(ours):
        yield server["args"].finding(
            f"leave the {len(ours)} words up to {_SEPARATOR}, which are the bridge's, and the "
            "server's program after them"
        )


def _attachment(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """Yield what keeps the bridge from attaching, or gives its token to other containers."""
    service_account, automount = (
        pod.spec["serviceAccountName"],
        pod.spec["automountServiceAccountToken"],
    )
    wanted = before.spec["serviceAccountName"].value
    if service_account.value != wanted:
        yield service_account.finding(f"leave {wanted}: only that may attach to the server")
    if automount.value is not False:
        yield automount.finding("leave false: all containers would get the bridge's rights")
    shared = pod.spec["shareProcessNamespace"]
    if not shared.is_off:
        yield shared.finding("leave it out: the bridge's token could be read below /proc")
    server = pod.spec["containers"].first
    if server["stdin"].value is not True:
        yield server["stdin"].finding("leave true: the bridge writes to it")
    for field in ("stdinOnce", "tty"):
        if not server[field].is_off:
            yield server[field].finding(
                "leave it out: the bridge needs a plain stream that stays open"
            )


def _first_after_gate(entries: View) -> View:
    """Return the first of *entries* that is not the gate of an isolated pod."""
    others = (entry for entry in entries.items() if entry["name"].value != names.GATE)
    return next(others, View(None, entries, "0"))


def _plain(mount: View) -> dict[str, Any]:
    return {key: value.value for key, value in mount.members()}
