"""
Require that an isolated pod cannot get around its gate, or around the rules of its network.

The gate is the first process of the pod: whatever ran before it could use a network without rules.
And the rules hold for the pod's own network, not for its node's.
"""

from collections.abc import Iterator
from typing import Final

from mcpworkload.api import names
from mcpworkload.controller.admission.view import Finding, PodTemplate, View

# How an image is pulled, and what the container may use, changes nothing of what it proves.
_FREE: Final = ("imagePullPolicy", "resources")
# By which Multus gives a pod other networks; NetworkPolicies are about the cluster's own.
_FURTHER_NETWORKS: Final = ("k8s.v1.cni.cncf.io/networks", "v1.multus-cni.io/default-network")
# What makes another program of the gate where the operator sets no such field: files and variables
# that its program reads, and whether the kubelet waits for its end.
_ADDED: Final = ("restartPolicy", "lifecycle", "env", "envFrom", "volumeMounts", "volumeDevices")


def isolation_is_intact(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """
    Yield what differs from *before*, the operator's own, around the gate of an isolated template.

    In another template, yield a container that only has the gate's name.

    Capabilities are not judged here: with NET_ADMIN or NET_RAW a container changes its own end of
    the network alone, and the node enforces the rules at the other end.
    """
    wanted = before.spec["initContainers"].first
    is_gated = _is_gate(wanted)
    first = pod.spec["initContainers"].first
    if is_gated and not _is_gate(first):
        yield first["name"].finding(
            f"leave {names.GATE} first: nothing may run before the rules of the network are "
            "enforced"
        )
    elif is_gated:
        for field in first.differing(wanted, _FREE):
            yield field.finding("leave it as it was: the gate needs it so")
    yield from _own_network(pod, before)
    for container in pod.containers:
        if _is_gate(container) and not (is_gated and container.path == first.path):
            yield container["name"].finding("choose another name: this one is the gate's")


def isolation_is_not_lent(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """
    Yield what others added to a live template that runs before its gate or around its rules.

    The fields of the gate that the operator sets are not compared: it applies them, and the API
    server has written defaults beside them.
    """
    gate = before.spec["initContainers"].first
    is_gated = _is_gate(gate)
    first = pod.spec["initContainers"].first
    gates = [container for container in pod.containers if _is_gate(container)]
    if is_gated and gates and not _is_gate(first):
        yield first["name"].finding(
            f"leave it out, or after {names.GATE}: nothing may run before the rules of the network "
            "are enforced"
        )
    for container in gates:
        if not is_gated:
            yield container["name"].finding("choose another name: this one is the gate's")
            continue
        for field in _ADDED:
            if not gate[field].value and container[field].value:
                yield container[field].finding(f"leave it out: {names.GATE} is the operator's")
    yield from _own_network(pod, before)


def _own_network(pod: PodTemplate, before: PodTemplate) -> Iterator[Finding]:
    """Yield an isolated pod's use of a network that its rules are not about."""
    if before.metadata["labels"][names.ISOLATED_LABEL].is_absent:
        return
    if not pod.spec["hostNetwork"].is_off:
        yield pod.spec["hostNetwork"].finding(
            "leave it out: the rules of an isolated pod do not hold for a node's network"
        )
    for key in _FURTHER_NETWORKS:
        annotation = pod.metadata["annotations"][key]
        if not annotation.is_absent:
            yield annotation.finding(
                "leave it out: the rules of an isolated pod do not hold for a second network"
            )


def _is_gate(container: View) -> bool:
    return bool(container["name"].value == names.GATE)
