"""
The arguments of the library's methods, checked before anything else happens.

One table, so that an argument means the same in every method, and no junk gets as far as a
request: an API server that cannot decode it would look like one that is down.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from mcpworkload.kube.keys import object_key
from mcpworkload.runtime import arguments
from mcpworkload.runtime.errors import WorkloadInvalid
from mcpworkload.runtime.logs import LogArguments
from mcpworkload.runtime.profiles import PermissionProfile
from mcpworkload.runtime.types import DeployWorkloadOptions

F = TypeVar("F", bound=Callable[..., Any])

#: By argument.
CHECKS: Final[dict[str, arguments.Check]] = {
    "all_namespaces": arguments.flag,
    "callback": arguments.function,
    "command": arguments.words,
    "container": arguments.label,
    "context": arguments.filled,
    "data": arguments.data,
    "egress": arguments.flag,
    "entrypoint": arguments.words,
    "env_vars": arguments.mapping,
    "follow": arguments.flag,
    "goal": arguments.one_of("ready", "stopped", "removed"),
    "image": arguments.image,
    "isolate_network": arguments.flag,
    "keep_volumes": arguments.flag,
    "kubeconfig": arguments.path,
    "labels": arguments.mapping,
    "limit": arguments.limit,
    "name": arguments.workload_id,
    "namespace": arguments.label,
    "options": arguments.instance(DeployWorkloadOptions),
    "permission_profile": arguments.instance(PermissionProfile),
    "pod": arguments.pod,
    "port": arguments.own_port,
    "previous": arguments.flag,
    "progress": arguments.function,
    "replicas": arguments.count,
    "since": arguments.moment,
    "tail": arguments.count,
    "timeout": arguments.seconds,
    "timestamps": arguments.flag,
    "transport_type": arguments.filled,
    "workload_id": arguments.workload_id,
}
#: The fields of `LogArguments`.
_FURTHER: Final = frozenset(LogArguments.__annotations__)
_OURS = frozenset({"self", "cls"})
_SUBJECT = ("workload_id", "name", "namespace")


def checked(method: F) -> F:
    """
    *method*, which gets its arguments as `CHECKS` has them; a default is always right.

    Raises:
        WorkloadInvalid: an argument is refused, before anything else happens.
    """
    signature = inspect.signature(method)
    unknown = {
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD and name not in _OURS | CHECKS.keys()
    }
    if unknown:
        raise LookupError(f"no check for {', '.join(sorted(unknown))} of {method.__qualname__}")

    def prepare(args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        bound = signature.bind(*args, **kwargs)
        _check_all(signature, bound.arguments)
        return bound

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = prepare(args, kwargs)
        return method(*bound.args, **bound.kwargs)

    @functools.wraps(method)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        bound = prepare(args, kwargs)
        return await method(*bound.args, **bound.kwargs)

    return cast("F", call_async if inspect.iscoroutinefunction(method) else call)


def _check_all(signature: inspect.Signature, given: dict[str, Any]) -> None:
    """Check what is *given* in place; the workload first, which all errors name."""
    workload = ""
    for name in sorted(given, key=lambda name: name not in _SUBJECT):
        parameter = signature.parameters[name]
        try:
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                _check_further(given[name])
            elif name not in _OURS and not _is_default(given[name], parameter.default):
                given[name] = CHECKS[name](given[name], name)
        except WorkloadInvalid as error:
            raise WorkloadInvalid(
                error.message,
                workload=workload,
                reason=error.reason,
                advice=error.advice,
                fields=error.fields,
            ) from None
        workload = _subject(given) if name in _SUBJECT else workload


def _check_further(which: dict[str, Any]) -> None:
    """Check in place what a method takes by `**which`, a `LogArguments`; None leaves one out."""
    for name in which:
        if name not in _FURTHER:
            raise TypeError(f"got an unexpected keyword argument {name!r}")
        if which[name] is not None or CHECKS[name] is arguments.flag:
            which[name] = CHECKS[name](which[name], name)


def _subject(given: Mapping[str, Any]) -> str:
    name = given.get("workload_id") or given.get("name")
    namespace = given.get("namespace")
    if not isinstance(name, str):
        return ""
    return object_key(namespace, name) if isinstance(namespace, str) and "/" not in name else name


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, str) and value == default)
