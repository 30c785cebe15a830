"""Whatever stands for an argument: it is right, or refused by its name before anything is sent."""

import asyncio
import inspect
import logging
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpworkload.runtime import (
    DeployWorkloadOptions,
    KubernetesRuntime,
    Mount,
    NetworkRules,
    OutboundRules,
    Output,
    PermissionConfig,
    PermissionProfile,
    PortBinding,
    RuntimeClosed,
    RuntimeUnavailable,
    SyncRuntime,
    WorkloadError,
    WorkloadInvalid,
    build_workload,
)
from mcpworkload.runtime.checking import CHECKS
from mcpworkload.runtime.connection import RuntimeConnection
from mcpworkload.runtime.logs import LogArguments
from mcpworkload.runtime.sync import _Background
from tests.support.fake_api import FakeApi

RIGHT = {"image": "w:1", "name": "w", "workload_id": "team/w", "namespace": "team"}
METHODS = (
    "attach_to_workload",
    "deploy_workload",
    "forward_to_workload",
    "get_workload_info",
    "get_workload_logs",
    "is_workload_running",
    "list_workloads",
    "monitor",
    "remove_workload",
    "restart_workload",
    "start_workload",
    "stop_workload",
    "wait_for_workload",
)
NESTED = DeployWorkloadOptions(k8s_pod_template_patch="[" * 9999)
NOT_JSON = DeployWorkloadOptions(k8s_pod_template_patch='[{"value": NaN}]')
VALUES = (
    DeployWorkloadOptions,
    Mount,
    NetworkRules,
    OutboundRules,
    PermissionConfig,
    PermissionProfile,
    PortBinding,
)


RUNNER = asyncio.Runner()


class Sent(Exception):
    """A request would have been sent: the arguments were taken."""


class Wire:
    """A connection that sends nothing."""

    namespace = "team"

    def __getattr__(self, name: str) -> Any:
        """Any method, which would send something."""

        def send(*_: Any, **__: Any) -> Any:
            raise Sent(name)

        return send


class Odd:
    """No value of any argument."""


class NoZone(tzinfo):
    """A zone that does not know how far from UTC it is."""

    def utcoffset(self, _: datetime | None, /) -> timedelta | None:
        """Nobody knows."""
        return None

    def dst(self, _: datetime | None, /) -> timedelta | None:
        """Nobody knows."""
        return None

    def tzname(self, _: datetime | None, /) -> str | None:
        """Nobody knows."""
        return None


def make_runtime() -> KubernetesRuntime:
    """A runtime without a cluster."""
    return KubernetesRuntime(cast("RuntimeConnection", Wire()))


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(2**63), 2**31, 2**64]),
    st.floats(),
    st.decimals(),
    st.complex_numbers(),
    st.text(st.characters(), max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            "\0",
            "\ud800",
            "a/b/c",
            "/",
            "a/",
            "../x",
            "A",
            "1e3",
            "10s",
            "x" * 400,
            "!!bool x",
            "? [a]",
        ]
    ),
    st.binary(max_size=5),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime(2026, 1, 1, tzinfo=NoZone())]),
    st.timedeltas(),
    st.sampled_from([Odd, Odd(), object(), len, Path("x"), range(3), memoryview(b"x"), iter(())]),
    st.sampled_from([DeployWorkloadOptions(), PortBinding(), PermissionProfile()]),
)
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(deque),
        st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
        st.dictionaries(st.text(max_size=4), inner, max_size=2).map(OrderedDict),
        st.frozensets(st.text(max_size=4) | st.integers(), max_size=3),
    ),
    max_leaves=6,
)


def parameters_of(method: Callable[..., Any]) -> list[str]:
    """The arguments, those of `LogArguments` among them."""
    names = [name for name in inspect.signature(method).parameters if name not in ("self", "which")]
    return names + (list(LogArguments.__annotations__) if method.__name__.endswith("logs") else [])


def call(method: Callable[..., Any], **arguments: Any) -> None:
    """Call it, and wait for it on the one loop that all examples share."""
    answer = method(**arguments)
    if inspect.iscoroutine(answer):
        RUNNER.run(answer)


@pytest.fixture(scope="module", autouse=True)
def _runner() -> Iterator[None]:
    """A loop for thousands of calls."""
    with RUNNER:
        yield


def answer_of(method: Callable[..., Any], argument: str, value: Any, **others: Any) -> str:
    """Whether *value* is taken for *argument*, or refused."""
    required = {
        name: RIGHT[name]
        for name, parameter in inspect.signature(method).parameters.items()
        if name in RIGHT and parameter.default is parameter.empty
    }
    try:
        call(method, **{**required, **others, argument: value})
    except WorkloadInvalid as error:
        return f"refused: {', '.join(error.fields)}"
    except Sent:
        pass
    return "taken"


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_junk_is_refused_by_its_name_and_nothing_is_sent(method: str, data: st.DataObject) -> None:
    """In any argument of any method: there is no third way."""
    function = getattr(make_runtime(), method)
    argument = data.draw(st.sampled_from(parameters_of(function)))
    answer = answer_of(function, argument, data.draw(JUNK))
    # Two that contradict each other are both named.
    assert answer == "taken" or (answer.startswith("refused: ") and argument in answer)


@given(data=st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
def test_no_manifest_is_made_of_junk(data: st.DataObject) -> None:
    """Nor does any other error come of it."""
    argument = data.draw(st.sampled_from(parameters_of(build_workload)))
    answer = answer_of(build_workload, argument, data.draw(JUNK))
    assert answer == "taken" or (answer.startswith("refused: ") and argument in answer)


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_no_value_is_made_of_junk(kind: type, data: st.DataObject) -> None:
    """The field is named, not the method that would have taken it."""
    required = {"source": "/a", "target": "/b"} if kind is Mount else {}
    field = data.draw(st.sampled_from(sorted(kind.CHECKS)))  # type: ignore[attr-defined]
    answer = answer_of(kind, field, data.draw(JUNK), **required)
    assert answer in ("taken", f"refused: {field}")


@given(text=JUNK)
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_no_profile_is_read_from_junk(text: Any) -> None:
    """Neither as JSON nor as YAML."""
    for read in (PermissionProfile.from_json, PermissionProfile.from_yaml):
        with pytest.raises(WorkloadInvalid):
            read(text if text not in ("{}", "null") else "[")


@pytest.mark.parametrize(
    ("method", "arguments", "field"),
    [
        ("deploy_workload", {"image": 5}, "image"),
        ("deploy_workload", {"image": ""}, "image"),
        ("deploy_workload", {"image": "a b"}, "image"),
        ("deploy_workload", {"options": NESTED}, "k8s_pod_template_patch"),
        ("deploy_workload", {"options": NOT_JSON}, "k8s_pod_template_patch"),
        ("deploy_workload", {"name": "A_b"}, "name"),
        ("deploy_workload", {"name": None}, "name"),
        ("deploy_workload", {"env_vars": {"A": 1}}, "env_vars"),
        ("deploy_workload", {"env_vars": {"A": True}}, "env_vars"),
        ("deploy_workload", {"env_vars": {1: "A"}}, "env_vars"),
        ("deploy_workload", {"env_vars": {"": "A"}}, "env_vars"),
        ("deploy_workload", {"env_vars": ["A=1"]}, "env_vars"),
        ("deploy_workload", {"env_vars": {"A": "x\0"}}, "env_vars"),
        ("deploy_workload", {"env_vars": {"MCP_PORT": "high"}}, "env_vars"),
        ("deploy_workload", {"labels": [("team", "sky")]}, "labels"),
        ("deploy_workload", {"command": "--verbose"}, "command"),
        ("deploy_workload", {"command": b"--verbose"}, "command"),
        ("deploy_workload", {"command": ["--port", 8080]}, "command"),
        ("deploy_workload", {"command": {"--verbose"}}, "command"),
        ("deploy_workload", {"options": {"attach_stdio": True}}, "options"),
        ("deploy_workload", {"permission_profile": "none"}, "permission_profile"),
        ("deploy_workload", {"isolate_network": "no"}, "isolate_network"),
        ("deploy_workload", {"timeout": "10s"}, "timeout"),
        ("deploy_workload", {"timeout": -1}, "timeout"),
        ("deploy_workload", {"timeout": math.nan}, "timeout"),
        ("deploy_workload", {"timeout": math.inf}, "timeout"),
        ("deploy_workload", {"timeout": 10**400}, "timeout"),
        ("deploy_workload", {"timeout": True}, "timeout"),
        ("deploy_workload", {"timeout": Decimal(5)}, "timeout"),
        ("deploy_workload", {"replicas": True}, "replicas"),
        ("deploy_workload", {"replicas": -1}, "replicas"),
        ("deploy_workload", {"replicas": 1.0}, "replicas"),
        ("deploy_workload", {"progress": "print"}, "progress"),
        ("list_workloads", {"namespace": "No Name"}, "namespace"),
        ("list_workloads", {"namespace": "team", "all_namespaces": True}, "namespace"),
        ("monitor", {"workload_id": "w", "all_namespaces": True}, "workload_id"),
        ("monitor", {"callback": 5}, "callback"),
        ("stop_workload", {"workload_id": b"w"}, "workload_id"),
        ("stop_workload", {"workload_id": "a/b/c"}, "workload_id"),
        ("start_workload", {"workload_id": None}, "workload_id"),
        ("remove_workload", {"keep_volumes": 1}, "keep_volumes"),
        ("attach_to_workload", {"container": "Mcp"}, "container"),
        ("attach_to_workload", {"pod": True}, "pod"),
        ("attach_to_workload", {"pod": -1}, "pod"),
        ("get_workload_logs", {"tail": "5"}, "tail"),
        ("get_workload_logs", {"tail": -5}, "tail"),
        ("get_workload_logs", {"since": "10m"}, "since"),
        ("get_workload_logs", {"since": datetime(2026, 1, 1)}, "since"),
        ("get_workload_logs", {"since": 1e300}, "since"),
        ("get_workload_logs", {"timestamps": None}, "timestamps"),
        ("get_workload_logs", {"follow": "yes"}, "follow"),
    ],
)
def test_what_people_get_wrong_is_named(method: str, arguments: dict[str, Any], field: str) -> None:
    """What is found is told by its kind, never by what it says: it may be a secret."""
    function = getattr(make_runtime(), method)
    needed = {name: RIGHT[name] for name in RIGHT if name in parameters_of(function)}
    optional = {"namespace"} | ({"workload_id"} if method == "monitor" else set())
    given_ = {**{key: needed[key] for key in needed.keys() - optional}, **arguments}

    with pytest.raises(WorkloadInvalid) as caught:
        call(function, **given_)

    assert caught.value.fields[0] == field
    assert field in str(caught.value)


async def test_a_secret_of_a_wrong_type_is_not_repeated() -> None:
    """Errors end up in logs."""
    with pytest.raises(WorkloadInvalid) as caught:
        await make_runtime().deploy_workload("w:1", "w", env_vars={"KEY": b"s3cret"})  # type: ignore[dict-item]
    assert "s3cret" not in str(caught.value)
    assert "env_vars['KEY']" in str(caught.value)


class Name(str):
    """A text of a class of the caller's."""

    __slots__ = ()


async def test_a_subclass_is_what_it_is_one_of() -> None:
    """A str is a str; numbers and lists of any sequence class are taken."""
    arguments: dict[str, Any] = {"command": deque(["a"]), "env_vars": OrderedDict(A=Name("b"))}
    with pytest.raises(Sent):
        await make_runtime().deploy_workload(Name("w:1"), Name("w"), timeout=5, **arguments)


def test_a_method_without_a_check_for_an_argument_cannot_be_written() -> None:
    """So that none is forgotten; and no check is without an argument."""
    used = {
        name for method in METHODS for name in parameters_of(getattr(KubernetesRuntime, method))
    }
    used |= set(parameters_of(KubernetesRuntime.from_environment))
    public = {
        name
        for name, member in inspect.getmembers(KubernetesRuntime, inspect.isfunction)
        if not name.startswith("_") and parameters_of(member)
    }
    assert public == set(METHODS)
    assert used | {"data", "limit"} == CHECKS.keys()


async def test_streams_take_bytes_and_numbers() -> None:
    """What is wrong is refused here, not where it is sent."""
    output = Output()
    output.end()
    with pytest.raises(WorkloadInvalid) as caught:
        await output.read("5")  # type: ignore[arg-type]
    assert caught.value.fields == ("limit",)
    assert await output.read(5) == b""


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"namespace": 5}, "namespace"),
        ({"namespace": "a/b"}, "namespace"),
        ({"context": ""}, "context"),
        ({"context": b"c"}, "context"),
        ({"kubeconfig": 5}, "kubeconfig"),
        ({"kubeconfig": ""}, "kubeconfig"),
    ],
)
def test_where_to_connect_to_is_checked(arguments: dict[str, Any], field: str) -> None:
    """By either runtime."""
    for connect in (
        SyncRuntime.from_environment,
        lambda **given: asyncio.run(KubernetesRuntime.from_environment(**given)),
    ):
        with pytest.raises(WorkloadInvalid) as caught:
            connect(**arguments)
        assert caught.value.fields == (field,)


@pytest.mark.parametrize("name", ["nope", "nope:nothing"])
def test_a_kubeconfig_that_is_not_there_is_named(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """By us alone: the client below would print words of its own."""
    path = ":".join(str(tmp_path / part) for part in name.split(":"))
    with caplog.at_level(logging.INFO), pytest.raises(RuntimeUnavailable, match="no file"):
        SyncRuntime.from_environment(kubeconfig=path)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


async def test_a_closed_runtime_says_so() -> None:
    """Whatever is asked of it, also by who asked before."""
    async with FakeApi([[]]).open() as connection:
        runtime = KubernetesRuntime(connection)
        assert await runtime.list_workloads() == []
        await runtime.close()
        await runtime.close()
        for method in METHODS:
            if method in ("forward_to_workload", "monitor"):
                continue
            function = getattr(runtime, method)
            needed = {
                name: RIGHT[name]
                for name in ("image", "name", "workload_id")
                if name in parameters_of(function)
            }
            with pytest.raises(RuntimeClosed, match="is closed"):
                await function(**needed)
        with pytest.raises(RuntimeClosed):
            await runtime.monitor().start_monitoring()


async def test_what_waits_while_it_is_closed_says_so() -> None:
    """It is no outage, which would be waited for."""
    api = FakeApi([[]], [[]])
    async with api.open() as connection:
        monitor = KubernetesRuntime(connection).monitor()
        api.lists += [[]]
        api.watches += [[]]
        async with monitor:
            await connection.close()
            with pytest.raises(WorkloadError) as caught:
                await anext(aiter(monitor))
    assert isinstance(caught.value, RuntimeClosed)


def test_a_closed_runtime_without_a_loop_says_so() -> None:
    """Closing it twice is fine, and so is closing what was open on it."""
    runtime = SyncRuntime(make_runtime(), _Background())
    monitor = runtime.monitor()
    runtime._runtime.close = _nothing  # type: ignore[method-assign]
    runtime.close()
    runtime.close()
    monitor.stop_monitoring()
    with pytest.raises(RuntimeClosed):
        runtime.list_workloads()
    with pytest.raises(RuntimeClosed):
        monitor.start_monitoring()


async def _nothing() -> None:
    """Close nothing."""


async def test_a_misspelt_argument_is_pythons_to_refuse() -> None:
    """Also where a method takes many."""
    with pytest.raises(TypeError, match="tial"):
        await make_runtime().get_workload_logs("w", tial=5)  # type: ignore[call-overload]
