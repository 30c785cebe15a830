"""
Pure: which rights each command needs, in one table for documentation and `doctor`.

A right is written as in a Role; those of the operator's own namespace are an admin's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mcpworkload.api.names import GROUP, PLURAL


@dataclass(frozen=True)
class Rule:
    """Verbs on a resource, in the workload's namespace unless *where* says otherwise."""

    verbs: tuple[str, ...]
    resource: str
    group: str = ""
    where: str = ""

    def __str__(self) -> str:
        """As the documentation shows it."""
        place = f" ({self.where})" if self.where else ""
        return f"`{self.resource}`: {', '.join(self.verbs)}{place}"


def _workloads(*verbs: str) -> Rule:
    return Rule(verbs, PLURAL, GROUP)


def _core(resource: str, *verbs: str, where: str = "") -> Rule:
    return Rule(verbs, resource, where=where)


_READ = _workloads("get")
_CHANGE = _workloads("get", "list", "watch", "patch")
_TAIL = _core("pods/log", "get", where="without it the log's end is not shown")
_TALK = (_READ, _core("pods", "list"), _core("pods/portforward", "get", "create"))
_PROFILE = _core("configmaps", "get", where="if one has the permission profile")
_OPERATORS = "in the operator's namespace"

#: The rules that each command needs.
RIGHTS: Final[Mapping[str, tuple[Rule, ...]]] = {
    "run": (
        _workloads("get", "list", "watch", "create", "patch"),
        _core("pods", "list", where="for the log's end"),
        _TAIL,
        _core("pods/portforward", "get", "create", where="--pin-tools of what is not verified"),
    ),
    "template": (_READ, _PROFILE),
    "permissions": (_READ, _PROFILE),
    "list": (_workloads("list"),),
    "get": (_READ, _core("pods", "list", where="without it startedAt is not shown")),
    "logs": (_READ, _core("pods", "get", "list", "watch"), _core("pods/log", "get")),
    "attach": (
        _READ,
        _core("pods", "get", "list", "watch"),
        _core("pods/attach", "get", "create"),
    ),
    "stop": (_CHANGE,),
    "start": (_CHANGE, _core("pods", "list", where="for the log's end"), _TAIL),
    "restart": (_CHANGE, _core("pods", "list", where="for the log's end"), _TAIL),
    "rm": (
        _workloads("get", "list", "watch", "patch", "delete"),
        _core("pods", "list", "watch"),
        _core("persistentvolumeclaims", "list", "watch", "delete", where="if it has volumes"),
    ),
    "wait": (_workloads("get", "list", "watch"),),
    "monitor": (
        _workloads("get", "list", "watch"),
        _core("pods", "get", "list", "watch"),
        Rule(("get",), "statefulsets", "apps"),
        _core("events", "list", where="may be missing"),
    ),
    "tools": _TALK,
    "call": _TALK,
    "verify": _TALK,
    "connect": (
        _workloads("get", "list", "watch"),
        _core("pods", "list", "watch"),
        _core("pods/portforward", "get", "create"),
    ),
    "doctor": (
        *_TALK,
        Rule(("list",), "deployments", "apps", _OPERATORS),
        Rule(("get",), "leases", "coordination.k8s.io", _OPERATORS),
        Rule(("create",), "subjectaccessreviews", "authorization.k8s.io", "cluster-wide"),
    ),
    "completion": (_workloads("list"), _core("namespaces", "list", where="cluster-wide")),
    "version": (Rule(("list",), "deployments", "apps", _OPERATORS),),
    "help": (),
}
#: What a command needs besides where it goes on with -w.
WATCH: Final = _workloads("list", "watch")
