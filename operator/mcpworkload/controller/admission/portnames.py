"""Check the ports that probes and hooks name: each must be one of that container's ports."""

from collections.abc import Iterator
from contextlib import suppress

from mcpworkload.api.refusals import InvalidSpec
from mcpworkload.api.spec import WorkloadSpec
from mcpworkload.controller.admission.fieldnames import name_field
from mcpworkload.controller.admission.view import (
    MalformedError,
    PodTemplate,
    View,
    connections_of,
)
from mcpworkload.kube.manifest import Manifest


def check_port_names(pod: PodTemplate, template: Manifest, spec: WorkloadSpec) -> None:
    """
    Return if each port that a container of *pod*, the view of *template*, names is one of its own.

    Raises:
        InvalidSpec: the kubelet would find no such port; names the field.
    """
    for container in pod.containers:
        # The API server refuses what Kubernetes cannot read, with a better message.
        with suppress(MalformedError):
            _check_container(container, template, spec)


def _check_container(container: View, template: Manifest, spec: WorkloadSpec) -> None:
    own = [port["name"].text() for port in container["ports"].items()]
    known = [name for name in own if name]
    for port in _named_ports(container):
        if port.value not in known:
            those = f", or a name of its ports: {', '.join(known)}" if known else ""
            raise InvalidSpec(
                f'{name_field(port.path, template, spec)}: found "{port.value}", which is no port '
                f"of that container; write a number{those}"
            )


def _named_ports(container: View) -> Iterator[View]:
    """Yield the ports of the container's probes and hooks that are names."""
    for connection in connections_of(container):
        port = connection["port"]
        # Digits in quotes are no name; the API server refuses them.
        if isinstance(port.value, str) and not port.value.isdecimal():
            yield port
