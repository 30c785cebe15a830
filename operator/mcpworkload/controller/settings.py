"""The settings of an installation, read once from the environment and passed on."""

import ipaddress
import os
import posixpath
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from mcpworkload.api.durations import is_duration, seconds_of
from mcpworkload.api.verification import Mode


class BadSetting(ValueError):
    """An environment variable has a value that the operator cannot work with."""


class PodSecurity(StrEnum):
    """A level of Kubernetes' Pod Security Standards, the widest last."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"
    PRIVILEGED = "privileged"


class BridgeVolume(StrEnum):
    """The way by which the bridge of a stdio server gets into the server's container."""

    #: An init container copies it into an emptyDir; works everywhere.
    COPY = "copy"
    #: Its image is mounted; for nodes whose container runtime can do that.
    IMAGE = "image"


@dataclass(frozen=True)
class Settings:
    """The operator's settings; the environment variable of each stands beside it."""

    #: MCPWORKLOAD_NAMESPACES: comma separated; empty means the whole cluster.
    namespaces: tuple[str, ...] = ()
    #: POD_NAMESPACE: where the leader Lease lives.
    operator_namespace: str = "mcpworkload-system"
    #: POD_NAME: the Lease's holder. It outlives a restart of the container, which then need
    #: not wait for its own Lease to expire.
    identity: str = "local"
    #: MCPWORKLOAD_LOG_FORMAT: ``text``, ``json``, or ``auto``: text at a terminal, else JSON.
    log_format: str = "auto"
    #: MCPWORKLOAD_LOG_LEVEL: a level of the logging module.
    log_level: str = "INFO"
    #: MCPWORKLOAD_PROBE_PORT: serves /livez and /readyz; 0 means no probes.
    probe_port: int = 8080
    #: MCPWORKLOAD_WORKERS: workloads reconciled at the same time; twice as many requests may be
    #: in flight.
    workers: int = 32
    #: MCPWORKLOAD_POD_SECURITY: what the pods of a workload may ask for, whatever their
    #: namespace allows. ``privileged`` leaves that to the namespace alone.
    pod_security: PodSecurity = PodSecurity.BASELINE
    #: MCPWORKLOAD_BRIDGE_IMAGE: the image of the bridge; without it no stdio server is served.
    bridge_image: str = ""
    #: MCPWORKLOAD_BRIDGE_VOLUME: ``copy`` or ``image``.
    bridge_volume: BridgeVolume = BridgeVolume.COPY
    #: MCPWORKLOAD_ATTACH: ``allowed`` or ``denied``. Denied, a stdio server needs a command, and
    #: the operator neither grants the right to attach to pods nor needs it.
    is_attach_allowed: bool = True
    #: MCPWORKLOAD_EXPOSURE: ``allowed`` or ``denied``. Denied, no Service is a LoadBalancer or has
    #: annotations of a spec, by which other controllers make DNS names and public addresses.
    is_exposure_allowed: bool = True
    #: MCPWORKLOAD_API_AUDIENCES: comma separated; the audiences of tokens that the API server
    #: takes, where the operator's own token does not name them.
    api_audiences: tuple[str, ...] = ()
    #: MCPWORKLOAD_EGRESS_IMAGE: the image of the egress proxy; without it no workload is isolated
    #: whose profile lists hosts or ports.
    egress_image: str = ""
    #: MCPWORKLOAD_GATE: ``required`` or ``waived``. Waived, isolated pods start without the proof
    #: that the rules of the network are enforced.
    is_gate_required: bool = True
    #: MCPWORKLOAD_GATE_SERVICE: the operator's Service that gates connect to, in its namespace.
    gate_service: str = "mcpworkload-gate"
    #: MCPWORKLOAD_GATE_PORT: the port that gates may connect to; 0 means none.
    gate_port: int = 8081
    #: MCPWORKLOAD_DNS_SERVERS: comma separated addresses or networks of DNS servers that are not
    #: pods of kube-system with the label k8s-app=kube-dns, such as a cache on every node.
    dns_servers: tuple[str, ...] = ()
    #: MCPWORKLOAD_HOST_PATHS: comma separated; directories of nodes that pods may mount, with all
    #: below them, whatever MCPWORKLOAD_POD_SECURITY says about volumes of nodes.
    host_paths: tuple[str, ...] = ()
    #: MCPWORKLOAD_VERIFICATION: ``Periodic``, ``OnStart`` or ``Off``: how servers are verified
    #: whose spec says nothing else.
    verification: Mode = "Periodic"
    #: MCPWORKLOAD_VERIFICATION_INTERVAL, MCPWORKLOAD_VERIFICATION_TIMEOUT: durations, such as 5m;
    #: here in seconds.
    verification_interval: float = 300.0
    verification_timeout: float = 10.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """
        Return the settings from *environ*.

        Raises:
            BadSetting: a value cannot be used; names the variable, the value and what to write.
        """
        return cls(
            namespaces=_entries(environ, "MCPWORKLOAD_NAMESPACES"),
            operator_namespace=environ.get("POD_NAMESPACE", cls.operator_namespace),
            identity=environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}",
            log_format=_choice(environ, "MCPWORKLOAD_LOG_FORMAT", "auto", ("auto", "text", "json")),
            log_level=_choice(
                environ, "MCPWORKLOAD_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")
            ),
            probe_port=_number(environ, "MCPWORKLOAD_PROBE_PORT", cls.probe_port, 0, 65535),
            workers=_number(environ, "MCPWORKLOAD_WORKERS", cls.workers, 1, 256),
            pod_security=PodSecurity(
                _choice(environ, "MCPWORKLOAD_POD_SECURITY", cls.pod_security, tuple(PodSecurity))
            ),
            bridge_image=_image(environ, "MCPWORKLOAD_BRIDGE_IMAGE"),
            bridge_volume=BridgeVolume(
                _choice(
                    environ, "MCPWORKLOAD_BRIDGE_VOLUME", cls.bridge_volume, tuple(BridgeVolume)
                )
            ),
            is_attach_allowed=_is_allowed(environ, "MCPWORKLOAD_ATTACH"),
            is_exposure_allowed=_is_allowed(environ, "MCPWORKLOAD_EXPOSURE"),
            api_audiences=_entries(environ, "MCPWORKLOAD_API_AUDIENCES"),
            egress_image=_image(environ, "MCPWORKLOAD_EGRESS_IMAGE"),
            is_gate_required=_choice(
                environ, "MCPWORKLOAD_GATE", "required", ("required", "waived")
            )
            == "required",
            gate_service=environ.get("MCPWORKLOAD_GATE_SERVICE", cls.gate_service),
            gate_port=_number(environ, "MCPWORKLOAD_GATE_PORT", cls.gate_port, 0, 65535),
            dns_servers=_networks(environ, "MCPWORKLOAD_DNS_SERVERS"),
            host_paths=_folders(environ, "MCPWORKLOAD_HOST_PATHS"),
            verification=_mode(environ, "MCPWORKLOAD_VERIFICATION", cls.verification),
            verification_interval=_seconds(
                environ, "MCPWORKLOAD_VERIFICATION_INTERVAL", cls.verification_interval
            ),
            verification_timeout=_seconds(
                environ, "MCPWORKLOAD_VERIFICATION_TIMEOUT", cls.verification_timeout
            ),
        )


def _entries(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return the entries of a list, each once and in order."""
    entries = environ.get(name, "").split(",")
    return tuple(sorted({entry.strip() for entry in entries if entry.strip()}))


def _networks(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(entry)) for entry in _entries(environ, name))
    except ValueError as error:
        raise BadSetting(f"{name}: {error}; write addresses or networks") from error


def _folders(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    entries = _entries(environ, name)
    for entry in entries:
        # POSIX leaves two slashes at the beginning as they are.
        is_plain = posixpath.normpath(entry) == entry and not entry.startswith("//")
        if not entry.startswith("/") or not is_plain:
            raise BadSetting(f"{name} has {entry!r}; write absolute paths, as short as they can be")
    return entries


def _is_allowed(environ: Mapping[str, str], name: str) -> bool:
    return _choice(environ, name, "allowed", ("allowed", "denied")) == "allowed"


def _choice(environ: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = environ.get(name, default)
    if value not in allowed:
        raise BadSetting(f"{name} is {value!r}; write one of {', '.join(allowed)}")
    return value


def _mode(environ: Mapping[str, str], name: str, default: Mode) -> Mode:
    value = _choice(environ, name, default, get_args(Mode))
    return next(mode for mode in get_args(Mode) if mode == value)


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    value = environ.get(name)
    if value is None:
        return default
    if not is_duration(value):
        raise BadSetting(f"{name} is {value!r}; write a duration of a second or more, such as 90s")
    return seconds_of(value)


def _image(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if any(character.isspace() for character in value):
        raise BadSetting(f"{name} is {value!r}; write one image, without spaces")
    return value


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = environ.get(name, str(default))
    if not value.isdecimal() or not low <= int(value) <= high:
        raise BadSetting(f"{name} is {value!r}; write a number from {low} to {high}")
    return int(value)
