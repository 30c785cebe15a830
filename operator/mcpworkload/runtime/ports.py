"""
Pure: ports and their bindings as a Service can have them.

A "host port" of the interface that this comes from is a Service port here: private to the
cluster whatever its number, so that 30000-32767 means nothing special and no node listens. It
is free by nature, as each workload has Services of its own: a binding without a host port gets
the container's number, not a random one.
"""

import re
from collections.abc import Mapping
from typing import Any

from mcpworkload.runtime.errors import WorkloadInvalid
from mcpworkload.runtime.types import DeployWorkloadOptions, PortBinding

DEFAULT_PORT = 8080
# Most servers listen on the port in this variable.
PORT_VARIABLE = "MCP_PORT"
_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_PORT = re.compile(r"(?P<number>[0-9]{1,5})(/(?P<protocol>tcp|udp|sctp))?", re.IGNORECASE)

Port = tuple[int, str]


def ports_spec(options: DeployWorkloadOptions, env_vars: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the fields `transport.port`, `ports` and `service.type` of a spec.

    The transport listens on MCP_PORT, else on the one TCP port that is exposed, else on
    8080. A Service with an address of its own is asked for where a number has to be translated:
    the headless one cannot.

    Raises:
        WorkloadInvalid: a port or a binding that no Service can have.
    """
    bindings = {
        _parse(key, "port_bindings"): _service_port(key, options) for key in options.port_bindings
    }
    exposed = {_parse(key, "exposed_ports") for key in options.exposed_ports} | bindings.keys()
    transport = (_transport_port(exposed, env_vars), "TCP")
    if bindings.get(transport) not in (None, transport[0]):
        raise _invalid(
            "port_bindings",
            f"the transport's port {transport[0]} is offered under its own number only",
            "leave its host port empty, or have the server listen on that number",
        )
    further = [_entry(port, bindings.get(port)) for port in sorted(exposed) if port != transport]
    spec: dict[str, Any] = {"transport": {"port": transport[0]}}
    if further:
        spec["ports"] = further
    if any("servicePort" in port for port in further):
        spec["service"] = {"type": "ClusterIP"}
    return spec


def _transport_port(exposed: set[Port], env_vars: Mapping[str, str]) -> int:
    wanted = env_vars.get(PORT_VARIABLE)
    if wanted is not None:
        return _number("env_vars", wanted, f"env_vars[{PORT_VARIABLE!r}]")
    tcp = sorted(number for number, protocol in exposed if protocol == "TCP")
    if len(tcp) > 1 and DEFAULT_PORT not in tcp:
        raise _invalid(
            "exposed_ports",
            f"several ports are exposed ({', '.join(map(str, tcp))}), and none is {DEFAULT_PORT}",
            f"set {PORT_VARIABLE} in env_vars to the transport's port",
        )
    return tcp[0] if len(tcp) == 1 else DEFAULT_PORT


def _service_port(key: str, options: DeployWorkloadOptions) -> int | None:
    """Return the Service's number for the port *key*; None for the container's own."""
    own, _ = _parse(key, "port_bindings")
    asked = set()
    for binding in options.port_bindings[key]:
        if binding.host_ip not in _EVERY_ADDRESS:
            raise _invalid(
                "port_bindings",
                f"{key} cannot be bound to {binding.host_ip}: a Service has an address of its own",
                "leave host_ip empty; no port is reachable from outside of the cluster",
            )
        asked.add(_number("port_bindings", _asked(binding, own), key))
    if len(asked) > 1:
        raise _invalid("port_bindings", f"{key} has several host ports", "give it one")
    return next((number for number in asked if number != own), None)


def _entry(port: Port, service_port: int | None) -> dict[str, Any]:
    number, protocol = port
    entry = {"name": f"{protocol.lower()}-{number}", "port": number, "protocol": protocol}
    return entry if service_port is None else {**entry, "servicePort": service_port}


def _asked(binding: PortBinding, own: int) -> str:
    """Return the host port of *binding*; empty or "0" asks for the container's own number."""
    return str(own) if binding.host_port in ("", "0") else binding.host_port


def _parse(key: str, argument: str) -> Port:
    found = _PORT.fullmatch(key)
    if found is None:
        raise _invalid(argument, f"{key!r} is no port", 'write it like "8080/tcp"')
    return _number(argument, found["number"], key), (found["protocol"] or "tcp").upper()


def _number(argument: str, text: str, where: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= 5
    if not is_number or not 1 <= int(text) <= 65535:
        raise _invalid(argument, f"{where}: {text!r} is no port number", "write 1 to 65535")
    return int(text)


def _invalid(argument: str, message: str, advice: str) -> WorkloadInvalid:
    return WorkloadInvalid(message, advice=advice, fields=(argument,))
