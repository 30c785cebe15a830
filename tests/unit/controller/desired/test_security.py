"""Whose word holds in a security context: the user's, then that of Pod Security `restricted`."""

from typing import Any

import pytest

from mcpworkload.controller.desired.security import (
    build_helper_security,
    build_pod_security,
    build_server_security,
)

RESTRICTED_POD = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "fsGroup": 1000,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED_HELPER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
RESTRICTED_SERVER = {**RESTRICTED_HELPER, "readOnlyRootFilesystem": True, "runAsNonRoot": True}


def without(context: dict[str, Any], *fields: str, **others: Any) -> dict[str, Any]:
    """*context* less *fields*, and with *others*."""
    return {key: value for key, value in context.items() if key not in fields} | others


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, RESTRICTED_POD, id="nothing said"),
        pytest.param({"fsGroup": 5}, without(RESTRICTED_POD, fsGroup=5), id="one field"),
        pytest.param(
            {"runAsUser": 0},
            without(RESTRICTED_POD, "runAsNonRoot", runAsUser=0),
            id="root is one field",
        ),
        pytest.param(
            {"runAsUser": 0, "runAsNonRoot": True},
            without(RESTRICTED_POD, runAsUser=0),
            id="a contradiction of the user's own stays",
        ),
        pytest.param(
            {"runAsUser": None, "runAsNonRoot": False},
            without(RESTRICTED_POD, "runAsUser", runAsNonRoot=False),
            id="the image's user, whoever that is",
        ),
        pytest.param(
            {"seccompProfile": {"type": "Unconfined"}},
            without(RESTRICTED_POD, seccompProfile={"type": "Unconfined"}),
            id="a part is replaced as a whole",
        ),
    ],
)
def test_pod(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """Field by field; null leaves one unset."""
    assert build_pod_security(given) == expected


@pytest.mark.parametrize(
    ("given", "pod", "expected"),
    [
        pytest.param({}, {}, RESTRICTED_SERVER, id="nothing said"),
        pytest.param(
            {"readOnlyRootFilesystem": False},
            {},
            without(RESTRICTED_SERVER, readOnlyRootFilesystem=False),
            id="a writable root",
        ),
        pytest.param(
            {}, {"runAsUser": 0}, without(RESTRICTED_SERVER, "runAsNonRoot"), id="a pod of root's"
        ),
        pytest.param(
            {}, {"runAsNonRoot": False}, without(RESTRICTED_SERVER, "runAsNonRoot"), id="any user"
        ),
        pytest.param(
            {"runAsUser": 0},
            {},
            without(RESTRICTED_SERVER, runAsUser=0, runAsNonRoot=False),
            id="only this container is root's",
        ),
        pytest.param(
            {"privileged": True},
            {},
            without(RESTRICTED_SERVER, "allowPrivilegeEscalation", "capabilities", privileged=True),
            id="privileged contradicts less",
        ),
        pytest.param(
            {"capabilities": {"add": ["SYS_ADMIN"]}},
            {},
            without(
                RESTRICTED_SERVER,
                "allowPrivilegeEscalation",
                capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]},
            ),
            id="a capability that is an escalation",
        ),
        pytest.param(
            {"capabilities": {"drop": []}},
            {},
            without(RESTRICTED_SERVER, capabilities={"drop": []}),
            id="all capabilities kept",
        ),
        pytest.param(
            {"capabilities": None}, {}, without(RESTRICTED_SERVER, "capabilities"), id="null"
        ),
    ],
)
def test_server(given: dict[str, Any], pod: dict[str, Any], expected: dict[str, Any]) -> None:
    """The container follows the pod, and never contradicts what the user wrote."""
    assert build_server_security(given, build_pod_security(pod)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, RESTRICTED_HELPER, id="nothing said"),
        pytest.param(
            {"runAsUser": 0},
            {**RESTRICTED_HELPER, "runAsUser": 0, "runAsNonRoot": False},
            id="root, as init containers that change owners are",
        ),
        pytest.param(
            {"allowPrivilegeEscalation": True},
            {**RESTRICTED_HELPER, "allowPrivilegeEscalation": True},
            id="one field",
        ),
    ],
)
def test_helper(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """What `restricted` asks for and no more: their images are not made for us."""
    assert build_helper_security(given, RESTRICTED_POD) == expected
