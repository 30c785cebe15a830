"""What a patch may not do to the bridge of a stdio server, and what it may."""

from typing import Any

import pytest

from mcpworkload.api.refusals import PolicyDenied
from mcpworkload.controller.desired import build_draft
from tests.support.bridged import POLICY, attach, inject
from tests.support.parsed import make_workload

MCP = "/spec/containers/0"
FIRST = "/spec/initContainers/0"
SIDE = {"name": "side", "image": "side:1", "restartPolicy": "Always"}


def add(path: str, value: Any) -> dict[str, Any]:
    """An operation that puts *value* at *path*."""
    return {"op": "add", "path": path, "value": value}


def remove(path: str) -> dict[str, Any]:
    """An operation that takes away what is at *path*."""
    return {"op": "remove", "path": path}


def mounting(name: str, path: str = "/x") -> dict[str, Any]:
    """A sidecar with a mount."""
    return {**SIDE, "volumeMounts": [{"name": name, "mountPath": path}]}


def patched(spec: dict[str, Any], *operations: dict[str, Any]) -> Any:
    """The final template of *spec* with that patch."""
    workload = make_workload(**spec, podTemplatePatch=list(operations))
    return build_draft(workload, POLICY).template


BOTH = [
    pytest.param([remove(FIRST)], "leave mcpw-bridge first", id="no bridge"),
    pytest.param([add(FIRST, SIDE)], "leave mcpw-bridge first", id="another one before"),
    pytest.param([add(f"{FIRST}/image", "x")], "leave it as it was: the bridge", id="its image"),
    pytest.param([add(f"{FIRST}/args/0", "x")], "leave it as it was: the bridge", id="its words"),
    pytest.param(
        [add(f"{FIRST}/volumeMounts/-", {"name": "tmp", "mountPath": "/mcpw"})],
        "leave it as it was: the bridge",
        id="a mount over it",
    ),
    pytest.param(
        [add("/spec/containers/-", {"name": "mcpw-bridge", "image": "x"})],
        "write a name that no other has",
        id="a second one",
    ),
    pytest.param(
        [add("/spec/terminationGracePeriodSeconds", 9)],
        "write it as spec.terminationGracePeriodSeconds",
        id="less time",
    ),
]


@pytest.mark.parametrize("spec", [inject(), attach()], ids=["inject", "attach"])
@pytest.mark.parametrize(("operations", "words"), BOTH)
def test_the_bridge_stays_as_it_is(
    spec: dict[str, Any], operations: list[dict[str, Any]], words: str
) -> None:
    """Whichever way it serves."""
    with pytest.raises(Exception, match=words) as caught:
        patched(spec, *operations)
    assert "podTemplatePatch[0]" in str(caught.value)


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        pytest.param(
            [add(f"{MCP}/command/0", "uvx")], "leave /mcpw/bin/mcpw: the bridge", id="command"
        ),
        pytest.param([remove(f"{MCP}/command")], "leave /mcpw/bin/mcpw", id="no command"),
        pytest.param(
            [add(f"{MCP}/args/1", "--x")], "words up to --, which are the bridge's", id="a word"
        ),
        pytest.param([add(f"{MCP}/args", ["uvx"])], "words up to --", id="other words"),
        pytest.param([add(f"{MCP}/args", "uvx")], "words up to --", id="one word"),
        pytest.param(
            [remove(f"{MCP}/volumeMounts/0")],
            "leave the mount of mcpw-bridge at /mcpw in",
            id="no mount",
        ),
        pytest.param(
            [add(f"{MCP}/volumeMounts/0/readOnly", False)],
            "the volume is the bridge's",
            id="a mount that can be written to",
        ),
        pytest.param(
            [add(f"{MCP}/volumeMounts/-", {"name": "tmp", "mountPath": "/mcpw/lib"})],
            "take another path: the bridge lies there",
            id="a mount over its libraries",
        ),
        pytest.param(
            [add("/spec/initContainers/-", mounting("mcpw-bridge"))],
            "leave it out, or as it was: the volume is the bridge's",
            id="somebody else who writes",
        ),
        pytest.param(
            [
                add("/spec/volumes/0", {"name": "mcpw-bridge", "emptyDir": {}}),
                remove("/spec/volumes/1"),
            ],
            None,
            id="the same volume",
        ),
        pytest.param(
            [add("/spec/volumes/0/emptyDir/medium", "Memory")],
            "leave it as it was, or choose another name",
            id="another volume",
        ),
        pytest.param(
            [remove("/spec/volumes/0")], "leave mcpw-bridge in: it is the bridge's", id="no volume"
        ),
    ],
)
def test_what_starts_the_server_stays(operations: list[dict[str, Any]], words: str | None) -> None:
    """Injected, the bridge is what the container starts."""
    if words is None:
        assert patched(inject(), *operations)["spec"]["volumes"][0]["name"] == "mcpw-bridge"
        return
    with pytest.raises(PolicyDenied, match=words):
        patched(inject(), *operations)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        pytest.param(
            add("/spec/initContainers/-", mounting("mcpw-bridge-token")),
            "the volume is the bridge's",
            id="the token elsewhere",
        ),
        pytest.param(
            add(f"{MCP}/volumeMounts/-", {"name": "mcpw-bridge-token", "mountPath": "/t"}),
            "the volume is the bridge's",
            id="the token in the server",
        ),
        pytest.param(
            add("/spec/shareProcessNamespace", True), "could be read below /proc", id="proc"
        ),
        pytest.param(
            add("/spec/serviceAccountName", "other"),
            "leave weather-mcpw-bridge: only",
            id="account",
        ),
        pytest.param(
            add("/spec/automountServiceAccountToken", True), "leave false: all", id="a token"
        ),
        pytest.param(add(f"{MCP}/stdin", False), "leave true: the bridge writes", id="stdin"),
        pytest.param(add(f"{MCP}/stdinOnce", True), "leave it out: the bridge", id="once"),
        pytest.param(add(f"{MCP}/tty", True), "leave it out: the bridge needs", id="terminal"),
        pytest.param(
            add("/spec/volumes/0/projected/sources/0/serviceAccountToken/audience", "x"),
            "leave it as it was, or choose another name",
            id="another token",
        ),
    ],
)
def test_the_token_is_the_bridges_alone(operation: dict[str, Any], words: str) -> None:
    """And what it is for goes on working."""
    with pytest.raises(PolicyDenied, match=words):
        patched(attach(), operation)


@pytest.mark.parametrize("spec", [inject(), attach()], ids=["inject", "attach"])
def test_what_installations_differ_in_may_be_changed(spec: dict[str, Any]) -> None:
    """Resources and rights, a word more for the server, a container more beside it."""
    template = patched(
        spec,
        add(f"{FIRST}/resources/limits/cpu", "1"),
        add(f"{FIRST}/securityContext/runAsUser", 1234),
        add(f"{FIRST}/imagePullPolicy", "Always"),
        add("/spec/initContainers/-", mounting("tmp", "/mcpw")),
        add(f"{MCP}/env/-", {"name": "A", "value": "b"}),
    )

    assert len(template["spec"]["initContainers"]) == 2


def test_a_word_more_is_one_for_the_server() -> None:
    """What stands after the bridge's own words is passed on."""
    template = patched(inject(), add(f"{MCP}/args/-", "--verbose"))

    assert template["spec"]["containers"][0]["args"][-1] == "--verbose"


@pytest.mark.parametrize("name", ["mcpw-bridge", "mcpw-bridge-token"])
def test_nothing_else_is_called_like_the_bridge(name: str) -> None:
    """A patch of a server that has none cannot make its volumes either."""
    volume = {"name": name, "emptyDir": {}}
    with pytest.raises(PolicyDenied, match="leave it as it was, or choose another name"):
        patched({}, add("/spec/volumes/-", volume))
    with pytest.raises(PolicyDenied, match="choose another name: this one is the bridge's"):
        patched({}, add("/spec/initContainers", [{"name": "mcpw-bridge", "image": "x"}]))


@pytest.mark.parametrize(
    "spec",
    [
        attach(sidecars=[mounting("mcpw-bridge-token")]),
        attach(initContainers=[mounting("mcpw-bridge-token")]),
        attach(volumeMounts=[{"name": "mcpw-bridge-token", "mountPath": "/x"}]),
        inject(sidecars=[mounting("mcpw-bridge")]),
        inject(volumeMounts=[{"name": "mcpw-bridge", "mountPath": "/x"}]),
    ],
)
def test_the_spec_itself_mounts_no_volume_of_the_bridge(spec: dict[str, Any]) -> None:
    """Where no patch is at work: the token is not for containers of the user's either."""
    with pytest.raises(PolicyDenied, match="the volume is the bridge's"):
        patched(spec)


@pytest.mark.parametrize("spec", [{}, inject(), attach()], ids=["http", "inject", "attach"])
def test_no_pod_runs_as_the_service_account_of_another_bridge(spec: dict[str, Any]) -> None:
    """Its token would let him listen to the other server's clients, and speak as one."""
    account = "other-mcpw-bridge"
    with pytest.raises(PolicyDenied, match="take another account: those of such a name"):
        patched(spec, add("/spec/serviceAccount", account))
    with pytest.raises(PolicyDenied, match="take another account: those of such a name"):
        patched(spec, add("/spec/serviceAccountName", account))


def test_a_spec_names_no_service_account_of_a_bridge_either() -> None:
    """Nor one that its own bridge would have if it attached; one of another name is fine."""
    for account in ("other-mcpw-bridge", "weather-mcpw-bridge"):
        with pytest.raises(PolicyDenied, match="take another account: those of such a name"):
            patched({"serviceAccountName": account})

    assert patched({"serviceAccountName": "a-bridge"})["spec"]["serviceAccountName"] == "a-bridge"


@pytest.mark.parametrize("path", ["/mcpw/", "/mcpw/bin", "/", "/x/../mcpw"])
def test_a_mount_of_the_users_over_the_bridge_is_refused(path: str) -> None:
    """Also one that no patch has made."""
    volume = {"name": "mine", "emptyDir": {}}
    mount = {"name": "mine", "mountPath": path}
    with pytest.raises(PolicyDenied, match="take another path: the bridge lies there"):
        patched(inject(volumes=[volume], volumeMounts=[mount]))
